"""Decodes a file once with libsndfile, and prints the processor time as JSON."""

import json
import resource
import sys

import soundfile


def user_seconds():
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


request = json.loads(sys.argv[-1])
before = user_seconds()
soundfile.read(request["file"], dtype="float32")
found = {"seconds": user_seconds() - before, "version": soundfile.__libsndfile_version__}
print(json.dumps(found))
