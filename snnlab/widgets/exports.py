"""What can be taken away from an explorer, as the bytes of a file."""

import io
import json
from typing import TYPE_CHECKING

from snnlab.core.parameters import unknown

if TYPE_CHECKING:
    from snnlab.widgets.explorer import Explorer

KINDS = {  # by the ending of a file's name: how it is called, and what a browser calls it
    ".png": ("PNG picture", "image/png"),
    ".svg": ("SVG picture", "image/svg+xml"),
    ".pdf": ("PDF picture", "application/pdf"),
    ".csv": ("CSV table", "text/csv"),
    ".npz": ("NPZ arrays", "application/octet-stream"),
    ".json": ("settings", "application/json"),
}


def exported(explorer: "Explorer", kind: str) -> bytes:
    """The recording (.npz, .csv), its figure (.png, .svg, .pdf) or the settings (.json).

    Raises ValueError for another kind, and when there is nothing yet to export.
    """
    file = io.BytesIO()
    match kind:
        case ".npz":
            explorer.needed().write(file)
        case ".csv":
            file.write(explorer.needed().csv().encode())
        case ".png" | ".svg" | ".pdf":
            explorer.figure().savefig(file, format=kind[1:], dpi=150)
        case ".json":
            file.write(json.dumps(explorer.to_dict(), indent=1).encode() + b"\n")
        case _:
            raise ValueError(unknown(f"{explorer.name} cannot be saved as", kind, KINDS))
    return file.getvalue()
