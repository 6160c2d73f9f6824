import pytest

from spanwise.errors import ArgumentError
from spanwise.schedulers.policy import Candidate, DeviceFacts, check_policy, decide, device_dtype

ONE_GPU = DeviceFacts(devices=1, where="1 GPU worker")


def fft(**changes):
    return Candidate(**{"kernel": "fft", "served": True, "host_bytes": 8, **changes})


@pytest.mark.parametrize(
    ("policy", "candidate", "facts", "device", "reason"),
    [
        ("cpu", fft(), ONE_GPU, "cpu", "policy cpu"),
        ("gpu", fft(), ONE_GPU, "gpu", "policy gpu"),
        ("gpu", fft(served=False), ONE_GPU, "cpu", "no GPU variant"),
        ("gpu", fft(kind="f", itemsize=16), ONE_GPU, "cpu", "no float128 on devices"),
        ("gpu", fft(kind="O", itemsize=8), ONE_GPU, "cpu", "no elements of kind 'O' on devices"),
        ("gpu", fft(), DeviceFacts(missing="none here"), "cpu", "no GPU: none here"),
        (
            "gpu",
            fft(needed_bytes=9 * 2**30),
            DeviceFacts(devices=1, memory=10 * 2**30),
            "cpu",
            "chunk needs 9.0 GiB, over 0.8 of 10.0 GiB",
        ),
        ("gpu", fft(needed_bytes=2**30), DeviceFacts(devices=1, memory=2**34), "gpu", "policy gpu"),
        (
            "gpu",
            fft(needed_bytes=3 * 2**30),
            DeviceFacts(devices=1, memory=10 * 2**30, host_threads=2),
            "cpu",
            "chunk needs 3.0 GiB, over 0.8 of 10.0 GiB / 3 tasks",
        ),
        ("cost", fft(), ONE_GPU, "gpu", "policy cost"),
        ("cost", fft(served=False), ONE_GPU, "cpu", "no GPU variant"),
        ("data", fft(), ONE_GPU, "cpu", "its input is on the host"),
        ("data", fft(device_bytes=9), ONE_GPU, "gpu", "its input is on a device"),
        ("data", fft(device_bytes=8), ONE_GPU, "cpu", "its input is on the host"),
    ],
)
def test_a_kernel_goes_where_the_policy_says_and_the_reason_is_told(
    policy, candidate, facts, device, reason
):
    verdict = decide(policy, candidate, facts)
    assert (verdict.device, verdict.reason) == (device, reason)


def test_an_unknown_policy_is_refused_with_the_known_ones():
    with pytest.raises(ArgumentError, match=r"placement='tpu'.*'cpu', 'gpu', 'data', 'cost'"):
        check_policy("tpu")


@pytest.mark.parametrize(
    ("kind", "itemsize", "served"),
    [("f", 4, True), ("f", 2, True), ("c", 16, True), ("c", 32, False), ("U", 4, False)],
)
def test_device_dtypes_are_those_of_cuda(kind, itemsize, served):
    assert device_dtype(kind, itemsize) is served
