import asyncio
import contextlib
import sys
import types

import dask
import pytest

from spanwise.errors import ArgumentError
from spanwise.measures import CPU, Observation, RateTable
from spanwise.schedulers import devices


class FakeClient:
    """Just what a survey asks of a client."""

    asynchronous = False

    def __init__(self, workers, answers=()):
        self.id = f"fake-{id(self)}"
        self.workers = workers
        self.answers = dict(answers)
        self.asked = 0
        self.models = 0
        self.model_of = {}

    def scheduler_info(self, n_workers):
        assert n_workers == -1, "a scheduler tells of five workers only unless asked for all"
        return {"workers": self.workers}

    def run(self, function, workers, on_error):
        if function is devices.cuda_model:
            self.models += 1
            return {w: self.model_of.get(w, "A100") for w in workers}
        self.asked += 1
        assert function is devices.usable_memory
        return {w: self.answers.get(w, "CuPy is not installed here") for w in workers}


PLAIN = {"resources": {}}
MARKED = {"resources": {"GPU": 1}}


def test_workers_with_the_resource_are_gpu_workers():
    client = FakeClient({"a": PLAIN, "b": MARKED, "c": MARKED})
    facts = devices.survey("hostfree", client=client)
    assert (facts.devices, facts.where, facts.advertised) == (2, "2 GPU workers", True)
    assert client.asked == 0


def test_the_smallest_device_of_the_gpu_workers_counts():
    client = FakeClient({"b": MARKED, "c": MARKED}, {"b": 80, "c": 40})
    assert devices.survey("cupy", client=client).memory == 40


@pytest.mark.parametrize(
    ("limit", "slots", "memory"), [(0, 1, 1000), (0, 4, 250), (400, 1, 500), (400, 2, 250)]
)
def test_the_limit_of_the_pool_and_the_slots_of_the_worker_bound_a_task(
    monkeypatch, limit, slots, memory
):
    device = types.SimpleNamespace(Device=lambda number: contextlib.nullcontext())
    pool = types.SimpleNamespace(get_limit=lambda: limit)
    cupy = types.SimpleNamespace(cuda=device, get_default_memory_pool=lambda: pool)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setattr(devices, "cuda_devices", lambda: (2000, 1000))
    state = types.SimpleNamespace(total_resources={"GPU": slots})
    assert devices.usable_memory(types.SimpleNamespace(state=state)) == memory


def test_where_there_is_no_device_its_memory_is_the_reason(monkeypatch):
    monkeypatch.setattr(devices, "cuda_devices", lambda: "CuPy is not installed here")
    assert devices.usable_memory() == "CuPy is not installed here"


def test_workers_without_the_resource_are_asked_once_what_they_have():
    client = FakeClient({"a": PLAIN, "b": PLAIN}, {"b": 80})
    facts = devices.survey("cupy", client=client)
    assert facts == devices.survey("cupy", client=client)
    assert (facts.addresses, facts.advertised, facts.memory) == (("b",), False, 80)
    assert facts.where == "1 worker with a CUDA device"
    assert client.asked == 1


def test_threads_are_counted_with_and_without_a_device():
    plain, marked = {"nthreads": 4, "resources": {}}, {"nthreads": 2, "resources": {"GPU": 1}}
    facts = devices.survey("hostfree", client=FakeClient({"a": plain, "b": plain, "c": marked}))
    assert (facts.host_threads, facts.device_threads, facts.tasks_per_device) == (8, 2, 1)
    with dask.config.set(num_workers=5):
        here = devices.survey("hostfree")
    assert (here.host_threads, here.device_threads, here.tasks_per_device) == (4, 1, 5)


def test_rates_are_those_of_the_model_which_is_asked_for_once(monkeypatch):
    seen = [Observation("fft", "float32", d, 64, 1.0) for d in (CPU, "A100", "T4", "hostfree")]
    table = RateTable().observe(seen)
    monkeypatch.setattr("spanwise.rates.load_table", lambda: table)
    client = FakeClient({"a": PLAIN, "b": MARKED})
    facts = devices.survey("cupy", client=client)
    assert devices.with_rates(facts, client=client, ask=False).models == (("", 1),)
    for _ in range(2):
        known = devices.with_rates(facts, client=client)
        assert (known.models, known.rates) == ((("A100", 1),), table.of(CPU, "A100"))
    assert devices.with_rates(facts, client=client, ask=False) == known
    assert client.models == 1
    nothing = devices.survey("cupy", client=FakeClient({"a": PLAIN}))
    assert devices.with_rates(nothing).rates == table.of(CPU)
    stand_in = devices.survey("hostfree", client=client)
    assert devices.with_rates(stand_in, client=client).models == (("hostfree", 1),)
    assert client.models == 1


def test_every_gpu_worker_is_asked_for_its_model(monkeypatch):
    seen = [Observation("fft", "float32", d, 64, 1.0) for d in (CPU, "A100", "T4", "L4")]
    table = RateTable().observe(seen)
    monkeypatch.setattr("spanwise.rates.load_table", lambda: table)
    client = FakeClient({"a": PLAIN, **dict.fromkeys("bcd", MARKED)})
    client.model_of = {"b": "T4", "c": "A100", "d": "T4"}
    facts = devices.with_rates(devices.survey("cupy", client=client), client=client)
    assert facts.models == (("A100", 1), ("T4", 2))
    assert facts.rates == table.of(CPU, "A100", "T4")
    assert facts.there == "3 GPU workers (1 A100, 2 T4)"
    client.workers["e"] = MARKED
    client.model_of["e"] = "L4"
    later = devices.with_rates(devices.survey("cupy", client=client), client=client)
    assert later.models == (("A100", 1), ("L4", 1), ("T4", 2))


def test_a_worker_that_does_not_answer_is_of_the_most_frequent_model():
    client = FakeClient(dict.fromkeys("abcd", MARKED))
    client.model_of = {"a": "T4", "b": "A100", "c": "T4", "d": None}
    facts = devices.with_rates(devices.survey("cupy", client=client), client=client)
    assert facts.models == (("A100", 1), ("T4", 3))


@pytest.mark.parametrize(
    ("workers", "reason"),
    [
        ({}, "no worker has started yet"),
        ({"a": PLAIN}, "none of 1 worker has the resource GPU"),
        ({"a": PLAIN, "b": {"resources": {"GPU": 0.5}}}, "none of 2 workers has the resource GPU"),
    ],
)
def test_a_cluster_without_devices_gives_the_reason(workers, reason):
    facts = devices.survey("cupy", client=FakeClient(workers))
    assert (facts.devices, facts.missing) == (0, reason)


def test_an_asynchronous_client_is_not_asked_but_its_cluster_is_looked_at():
    client = FakeClient({})
    client.asynchronous = True
    assert devices.survey("hostfree", client=client).missing == "no worker has started yet"
    client.cluster = types.SimpleNamespace(scheduler_info={"workers": {"a": MARKED}})
    assert devices.survey("hostfree", client=client).devices == 1


def test_without_a_cluster_the_devices_of_this_process_count():
    assert devices.survey("hostfree").devices == 1
    found = devices.cuda_devices()
    facts = devices.survey("cupy")
    if isinstance(found, str):
        assert (facts.devices, facts.missing) == (0, found)
    else:
        assert (facts.devices, facts.memory) == (len(found), min(found))


def test_what_was_found_is_remembered_for_one_call_with_several_collections():
    first = devices.survey("hostfree")
    assert devices.remembered("hostfree") is first
    assert devices.latest("hostfree") is first


def test_nobody_asked_means_no_device(monkeypatch):
    monkeypatch.setattr(devices, "_remembered", {})
    assert devices.latest("cupy").devices == 0


def test_an_unknown_device_is_refused():
    with pytest.raises(ArgumentError, match="device='torch'"):
        devices.survey("torch")


def test_placement_works_from_an_event_loop():
    import dask.array as da
    from distributed import Client, Scheduler, SpecCluster, Worker

    import spanwise as sw
    from spanwise.kernels.transfer import LOG
    from spanwise.schedulers import placement

    options = {"host": "127.0.0.1", "dashboard": False, "dashboard_address": "127.0.0.1:0"}
    gpu = {"cls": Worker, "options": {**options, "nthreads": 1, "resources": {"GPU": 1}}}

    async def main():
        scheduler = {"cls": Scheduler, "options": {**options, "port": 0}}
        async with (
            SpecCluster({"gpu": gpu}, scheduler, asynchronous=True) as cluster,
            Client(cluster, asynchronous=True) as client,
        ):
            await client.wait_for_workers(1)
            with placement("gpu", device="hostfree"):
                y = sw.fft.fft(da.ones((4, 8), chunks=(2, 8)))
                LOG.reset()
                return await client.compute(y)

    assert asyncio.run(main()).shape == (4, 8)
    assert LOG.to_device.copies == 2
