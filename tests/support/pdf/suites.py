"""The PDF test suites in Debian's source packages: fetched by apt with lists and folders of its own, kept outside the tree.
Usage: suites.py fetch. Prints the folder that holds SOURCE/FILE.pdf, and on standard error what is in it; exits 3 with the reason when
none can be had. Never touches the host's package lists; what is fetched is data, never run."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

SOURCES = ("qpdf", "poppler", "pdfminer", "mupdf", "ghostscript", "pikepdf", "pypdf2", "ocrmypdf", "okular", "libpdfbox2-java", "pdf.js")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
LARGEST = 10 << 20  # what a worker would take
FORM = 2            # of the kept folder; another one is made anew


def cache():
    base = os.environ.get("STINT_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "stint")
    return pathlib.Path(base) / "pdf-suites"


def release():
    with open("/etc/os-release") as f:
        fields = dict(line.rstrip().split("=", 1) for line in f if "=" in line)
    return fields.get("VERSION_CODENAME", "bookworm") if fields.get("ID") == "debian" else "bookworm"


class Apt:
    """apt-get with a sources list and state of its own below `folder`."""

    def __init__(self, folder):
        for name in ("lists/partial", "cache/archives/partial", "fetched"):
            (folder / name).mkdir(parents=True)
        mirror = os.environ.get("STINT_DEBIAN_MIRROR", "http://deb.debian.org/debian")
        (folder / "sources.list").write_text("deb-src [signed-by=%s] %s %s main\n" % (KEYRING, mirror, release()))
        (folder / "apt.conf").write_text("".join('%s "%s";\n' % pair for pair in (
            ("Dir::Etc::SourceList", folder / "sources.list"), ("Dir::Etc::SourceParts", "/dev/null"), ("Dir::State::Lists", folder / "lists"),
            ("Dir::Cache", folder / "cache"), ("Acquire::Languages", "none"), ("APT::Sandbox::User", "root"), ("Acquire::Retries", "2"),
            ("Acquire::http::Timeout", "20"))))
        self.folder, self.env = folder, dict(os.environ, APT_CONFIG=str(folder / "apt.conf"))

    def run(self, *argv):
        done = subprocess.run(("apt-get", "-qq") + argv, env=self.env, cwd=self.folder / "fetched", stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900)
        return done.returncode == 0, (done.stdout.strip().splitlines() or ["no word"])[-1]


def documents(archive):
    """(name, bytes) of every file of the archive that a PDF reader would try."""
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and 8 <= member.size <= LARGEST:
                data = tar.extractfile(member).read()
                if b"%PDF-" in data[:1024]:
                    yield member.name, data


def keep(folder, source, seen, apt):
    """Unpacks what was fetched of one source; the number of documents."""
    kept = 0
    (folder / source).mkdir(parents=True)
    for archive in sorted((apt.folder / "fetched").glob("*.tar.*")):
        if archive.suffix not in (".asc", ".sig"):
            for name, data in documents(archive):
                digest = hashlib.sha256(data).digest()
                if digest not in seen:
                    seen.add(digest)
                    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in os.path.basename(name))
                    (folder / source / ("%04d-%s" % (kept, plain[-80:]))).write_bytes(data)
                    kept += 1
        archive.unlink()
    return kept


def opened(folder):
    """A second form of each, its streams unpacked and its objects in the open, so that a mutation reaches what is inside."""
    made = 0
    if shutil.which("qpdf") is None:
        return made
    (folder / "opened").mkdir()
    for path in sorted(folder.glob("*/*")):
        out = folder / "opened" / (path.parent.name + "-" + path.name)
        argv = ["qpdf", "--qdf", "--object-streams=disable", "--stream-data=uncompress", "--decrypt", "--no-warn", str(path), str(out)]
        try:
            subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=10)
        except subprocess.TimeoutExpired:
            pass
        if out.exists() and not 8 <= out.stat().st_size <= 1 << 20:
            out.unlink()
        made += out.exists()
    return made


def fetch():
    home = cache()
    whole = home / ("%s-%d" % (release(), FORM))
    if (whole / "COUNTS").exists():
        return whole
    if shutil.which("apt-get") is None or not os.path.exists(KEYRING):
        sys.exit("the suites are in Debian's source packages, and there is no apt-get with Debian's keyring here")
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as temporary:
        apt = Apt(pathlib.Path(temporary) / "apt")
        well, word = apt.run("update")
        if not well:
            sys.exit("Debian's list of source packages cannot be fetched: " + word)
        folder, seen, lines = pathlib.Path(temporary) / "suites", set(), []
        for source in SOURCES:
            well, word = apt.run("source", "--download-only", source)
            lines.append("%s %d%s" % (source, keep(folder, source, seen, apt), "" if well else " (not fetched: %s)" % word))
        lines.append("opened by qpdf %d" % opened(folder))
        if not seen:
            sys.exit("no source package could be fetched: " + lines[0])
        (folder / "COUNTS").write_text("\n".join(lines) + "\n")
        shutil.rmtree(whole, ignore_errors=True)
        folder.rename(whole)
    return whole


if __name__ == "__main__":
    try:
        place = fetch()
    except SystemExit as why:
        print(why, file=sys.stderr)
        sys.exit(3)
    print((place / "COUNTS").read_text().strip().replace("\n", ", "), file=sys.stderr)
    print(place)
