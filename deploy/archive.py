#!/usr/bin/env python3
"""Writes a zip whose bytes depend on nothing but the file's.

    archive.py ARCHIVE FILE

The entry has a fixed time and mode, so that the same build gives the same
archive, and CloudFormation sees no change where there is none.
"""

import os
import sys
import zipfile


def archive(target, source):
    entry = zipfile.ZipInfo(os.path.basename(source), date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system = 3  # Unix, so that the mode counts
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    with open(source, "rb") as f, zipfile.ZipFile(target, "w") as z:
        z.writestr(entry, f.read(), compresslevel=9)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    archive(sys.argv[1], sys.argv[2])
