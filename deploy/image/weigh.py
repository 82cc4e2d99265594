"""Print what an environment contains, as JSON {distribution: [version, bytes]}. Runs inside an image.

The bytes are those of a distribution's files as they are now, with the bytecode that was compiled of them.
"""

import json
from importlib.metadata import distributions
from importlib.util import cache_from_source
from pathlib import Path

weighed = {}
for distribution in distributions():
    paths = {Path(str(file.locate())) for file in distribution.files or ()}
    paths |= {Path(cache_from_source(str(path))) for path in paths if path.suffix == ".py"}
    size = sum(path.stat().st_size for path in paths if path.is_file())
    weighed[distribution.name] = [distribution.version, size]
print(json.dumps(weighed))
