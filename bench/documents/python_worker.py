"""The peer: a worker as a Celery deployment keeps one, on pdfminer.six or pdfplumber. The library is imported once; documents are then read one
after the other in the same process. Words and lines with their boxes are taken from each page, no row is made of them: less than a whole job.
Usage: python_worker.py pdfminer|pdfplumber SUBJECT DOCUMENT PAGES SECONDS LEAST FILE. Prints one line as stint-bench-pdf does; exits 77 without the library."""
import json
import logging
import resource
import sys
import time

logging.disable(logging.WARNING)


def with_pdfminer():
    from pdfminer.high_level import extract_pages
    from pdfminer.layout import LAParams, LTRect, LTTextContainer

    def read(path):
        n = 0
        for page in extract_pages(path, laparams=LAParams()):
            for element in page:
                if isinstance(element, LTTextContainer):
                    n += len(element.get_text().splitlines())
                elif isinstance(element, LTRect):
                    n += len(element.bbox) > 0
        return n
    return read


def with_pdfplumber():
    import pdfplumber

    def read(path):
        with pdfplumber.open(path) as document:
            return sum(len(page.extract_words()) + len(page.rects) for page in document.pages)
    return read


def cpu_ms():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (used.ru_utime + used.ru_stime) * 1000


def main():
    library, subject, document, pages, seconds, least, path = sys.argv[1:8]
    try:
        read = {"pdfminer": with_pdfminer, "pdfplumber": with_pdfplumber}[library]()
    except ImportError:
        sys.exit(77)
    began = time.monotonic()
    if read(path) == 0:
        sys.exit("python_worker.py: %s: nothing was read" % path)
    took = [time.monotonic() - began]
    began, cpu = time.monotonic(), cpu_ms()
    if took[0] < float(seconds):  # a document longer than the whole measurement is measured once, cold
        took.clear()
        while len(took) < int(least) or time.monotonic() - began < float(seconds):
            at = time.monotonic()
            read(path)
            took.append(time.monotonic() - at)
        cpu = cpu_ms() - cpu
    took.sort()
    n, all_s = len(took), sum(took)
    print(json.dumps({"subject": subject, "document": document, "n": n, "docs_s": round(n / all_s, 3), "pages_s": round(n * int(pages) / all_s, 3),
                      "p50_ms": round(took[n // 2] * 1000, 4), "p99_ms": round(took[n * 99 // 100] * 1000, 4), "cpu_ms": round(cpu / n, 4),
                      "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 2)}))


main()
