"""Training to the undisturbed end, though one of three machines is lost; each is a raylet of this one."""

import pathlib
import tempfile

import pytest
from clusters import of_this_machine
from gates import LISTS, UNEVEN, Attack, check_undisturbed, is_gone, wait_until
from ray.cluster_utils import Cluster

from plackett import distributed

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning")


@pytest.fixture
def nodes():
    """(the cluster, its three nodes of one CPU each); the node of this process has none."""
    with (
        of_this_machine(),
        tempfile.TemporaryDirectory(prefix="ray_", dir="/tmp", ignore_cleanup_errors=True) as folder,
    ):
        pathlib.Path("/tmp/ray").mkdir(exist_ok=True)  # Ray writes the address of a Cluster there, whatever its folder
        head = {"num_cpus": 0, "include_dashboard": False, "node_ip_address": "127.0.0.1", "temp_dir": folder}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        try:
            nodes = [cluster.add_node(num_cpus=1, node_ip_address="127.0.0.1") for _ in range(3)]
            yield cluster, nodes
        finally:
            cluster.shutdown()


def test_the_machine_of_a_worker_is_lost_and_nothing_changes(nodes, tmp_path, monkeypatch):
    cluster, three = nodes

    def lose(workers):
        (node,) = [node for node in three if node.node_id == workers[1].node]
        cluster.remove_node(node, allow_graceful=False)
        wait_until(lambda: is_gone(workers[1].process))

    attack = Attack({1: lose}, tmp_path)
    attack.attach(monkeypatch)
    with pytest.warns(UserWarning, match=r"a worker was lost \(worker 1: "):
        trained = distributed.train(
            LISTS,
            workers=2,
            output=tmp_path / "run",
            address=cluster.address,
            on_epoch=attack,
            **UNEVEN | attack.settings,
        )
    assert attack.starts == 2
    check_undisturbed(trained)
