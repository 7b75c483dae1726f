"""The executor of an Airflow on one machine. Its tasks are forks of its workers, and begin with what these hold."""

from importlib import import_module
from multiprocessing import get_start_method
from pkgutil import iter_modules

from airflow.executors.local_executor import LocalExecutor


class WarmExecutor(LocalExecutor):
    """LocalExecutor, but what tasks need is imported once, before its workers begin, and not by every task.

    Great Expectations, pandas and the tables of holidays take longer to import than most tasks take to run. A worker
    that is spawned instead of forked would get nothing of it.
    """

    def start(self) -> None:
        if get_start_method() == "fork":
            _import_what_tasks_need()
        super().start()


def _import_what_tasks_need() -> None:
    from deskledger import steps
    from deskledger.quality import suites

    for module in iter_modules(steps.__path__, f"{steps.__name__}."):
        import_module(module.name)
    import_module("holidays.countries")
    suites.prepare()
