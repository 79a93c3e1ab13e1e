"""The Celery peer's application: Redis broker, no results, prefetch as the worker's command line says (celery -A bench_tasks)."""
import os

from celery import Celery

import python_common

app = Celery("bench", broker="redis+socket://" + os.environ["BENCH_REDIS"])
app.conf.update(task_ignore_result=True, task_acks_late=False, worker_prefetch_multiplier=4, worker_send_task_events=False,
                broker_pool_limit=1, task_store_errors_even_if_ignored=False)


@app.task(name="bench.probe")
def probe(data):
    python_common.handle(data)
