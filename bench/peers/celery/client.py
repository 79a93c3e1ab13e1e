"""Produces Celery jobs over one connection kept open. Celery has no bulk call: MODE is single or pace. MODE JOBS BYTES RATE."""
import bench_tasks
import python_common

with bench_tasks.app.connection_for_write() as connection, bench_tasks.app.amqp.Producer(connection) as producer:
    producer.connection.ensure_connection()
    python_common.produce(lambda data: bench_tasks.probe.apply_async((data,), producer=producer, retry=False), None)
