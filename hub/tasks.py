"""The Celery app, tasks that run like requests, and ``request.enqueue``.

A task is a nudge: the row is the truth, the nudge makes it prompt, a sweep of ``SCHEDULE``
makes it certain. So a nudge is sent after the commit only, it may be lost or come twice, and
a broker that is down costs a request little time and never its success.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from celery import Celery, Task
from celery.exceptions import OperationalError
from celery.signals import setup_logging
from pyramid.config import Configurator
from pyramid.scripting import prepare

log = logging.getLogger(__name__)

SCHEDULE: dict[str, dict[str, Any]] = {
    "abandoned sessions": {"task": "hub.qbwc.sweep.abandoned", "schedule": 60.0},
    "texts kept long enough": {"task": "hub.qbwc.sweep.outdated", "schedule": 3600.0},
    "mails left behind": {"task": "hub.qbwc.courier.overdue", "schedule": 120.0},
    "days and weeks that are over": {"task": "hub.qbwc.ripening.ripen_all", "schedule": 3600.0},
}
"""What beat sends and how often, in seconds. The task is a name: beat need not import it."""

TRIES = 3
"""How often a task is run when its transaction loses against another."""
PATIENCE = 1.0
"""Seconds for each step of talking to the broker: connecting, and an answer."""
SILENCE = 10.0
"""Seconds during which nothing is sent to a broker that has just failed."""
EXPIRY = 3600
"""Seconds after which a nudge nobody took is void; a sweep has done its work by then."""


class HubTask(Task):
    """A task that runs inside a Pyramid request of its own, and in its transaction.

    The function's first argument is that request; callers do not pass it.
    """

    abstract = True
    typing = False  # Celery would miss the request among the caller's arguments

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with prepare(registry=self.app.registry) as env:
            request = env["request"]

            def run() -> Any:
                return self.run(request, *args, **kwargs)

            return request.tm.run(run, tries=TRIES)


celery = Celery("hub", task_cls=HubTask, set_as_current=False)
celery.conf.update(
    accept_content=["json"],
    task_serializer="json",
    task_ignore_result=True,
    task_acks_late=True,  # a killed worker's task is given to another
    task_publish_retry=False,
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # a worker waits for its broker for as long as it takes
    beat_schedule={
        name: {**entry, "options": {"expires": entry["schedule"]}} for name, entry in SCHEDULE.items()
    },
    timezone="UTC",
)

_silent_until = 0.0


def enqueue(request: Any, task: Task, *args: Any) -> None:
    """Send ``task`` to a worker if, and only when, ``request`` commits. ``args`` are ids."""
    request.tm.get().addAfterCommitHook(_send, args=(task, args))


def _send(committed: bool, task: Task, args: tuple[Any, ...]) -> None:
    global _silent_until
    if not committed or time.monotonic() < _silent_until:
        return
    try:
        task.apply_async(args, expires=EXPIRY)
    except (OperationalError, OSError) as error:
        # Else each of many requests, and each nudge of one, would wait for its own failure.
        _silent_until = time.monotonic() + SILENCE
        log.warning("broker not reached", extra={"task_name": task.name, "error": type(error).__name__})


def work(schedule: str, threads: int = 2) -> None:
    """Be a worker, and the beat that keeps ``SCHEDULE``, until SIGTERM. Needs ``includeme`` first.

    Threads, not forked processes: a fork would share the database's connections. ``schedule``
    is the file in which beat remembers when it last sent what.
    """
    # A worker waits for messages far longer than a request waits for the broker.
    celery.conf.update(broker_transport_options=_options(celery.conf.broker_url, 30))
    celery.worker_main(
        [
            "worker",
            "--beat",
            f"--schedule={schedule}",
            "--pool=threads",
            f"--concurrency={threads}",
            "--without-gossip",
            "--without-mingle",
            "--loglevel=INFO",
        ]
    )


def _options(broker: str, patience: float) -> dict[str, Any]:
    if not broker.startswith("redis"):
        return {}
    return {
        "visibility_timeout": EXPIRY,
        "socket_connect_timeout": patience,
        "socket_timeout": patience,
        "max_retries": 0,
    }


@setup_logging.connect
def _keep_logging(**_: Any) -> None:
    """Keep the log format of the hub: a connected receiver is what tells Celery to."""


def includeme(config: Configurator) -> None:
    """Give requests ``enqueue``, and tasks this application to run in.

    A process has one Celery app; the last application that was made is the one tasks run in.
    """
    settings = config.get_settings()
    broker = settings["celery.broker_url"]
    celery.registry = config.registry
    celery.conf.update(
        broker_url=broker,
        broker_connection_timeout=PATIENCE,
        broker_transport_options=_options(broker, PATIENCE),
        task_always_eager=settings.get("celery.task_always_eager", False),
        task_eager_propagates=True,
    )
    config.add_request_method(enqueue)
