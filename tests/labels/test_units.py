import pytest

from spanwise.labels.units import base_unit, product


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ([("K", 2), ("m", 1)], "K^2 m"),
        ([("m s-1", 2), ("s", 1)], "m^2 s^-1"),
        ([("m/s", 1), ("s", 1)], "m"),
        ([("W m^-2", 1), ("m", 2)], "W"),
        ([("W/m2", 1), ("m", 1)], "W m^-1"),
        ([("m s**-1", 1)], "m s^-1"),
        ([("s", -1)], "1/s"),
        ([("s", -2)], "1/s^2"),
        ([("1/s", -1)], "s"),
        ([("degrees_north", -1)], "1/degrees_north"),
        ([("°C", 2)], "°C^2"),
        ([("1", 2), ("m", 1)], "m"),
        ([("", 1)], "1"),
        ([("K", 1), ("K", -1)], "1"),
        ([("kg*m", 1), ("s", -2)], "kg m s^-2"),
        ([("1/(m/s)", -1)], "m/s"),
    ],
)
def test_powers_of_units_multiply(terms, expected):
    assert product(*terms) == expected


@pytest.mark.parametrize("text", ["1e-3 m", "K @ 273.15", "m+s", "a (b (c) d)", "m/"])
def test_a_text_that_is_not_understood_stays_one_factor(text):
    assert product((text, 1)) == text
    assert product((text, 2), ("m", 1)) == f"({text})^2 m"
    assert product((text, 1), (text, -1)) == "1"


def test_an_unknown_factor_makes_the_product_unknown():
    assert product(("K", 1), (None, 1)) is None


def test_multiplying_and_dividing_by_a_unit_gives_the_first_back():
    assert product((product(("m/s", 1), ("days", 1)), 1), ("1/days", 1)) == "m s^-1"


def test_a_reference_time_is_no_part_of_the_unit():
    assert base_unit("days since 2000-01-01 00:00") == "days"
    assert base_unit("m") == "m"
    assert base_unit(None) is None
