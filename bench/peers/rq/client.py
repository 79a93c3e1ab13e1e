"""Produces RQ jobs: enqueue_many of 100 in bulk, nothing kept when done. MODE JOBS BYTES RATE."""
import os

import redis
from rq import Queue

import bench_jobs
import python_common

queue = Queue("bench", connection=redis.Redis(unix_socket_path=os.environ["BENCH_REDIS"]))
queue.connection.ping()


def bulk(data, jobs):
    for at in range(0, jobs, 100):
        queue.enqueue_many([Queue.prepare_data(bench_jobs.probe, (data,), result_ttl=0, failure_ttl=0)
                            for _ in range(min(100, jobs - at))])


python_common.produce(lambda data: queue.enqueue(bench_jobs.probe, data, result_ttl=0), bulk)
