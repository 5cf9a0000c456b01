"""Start an agent: a file to run, because ``-m`` would need the tests' whole tree in the container."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # sys.path[0] is this package's own folder, where its modules must not be found a second time.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from triggers.agent import main  # type: ignore[import-not-found]

    main()
