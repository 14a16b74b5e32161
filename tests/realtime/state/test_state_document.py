"""The document's page shows what it says."""

from __future__ import annotations

import json
import re
import subprocess

from tests.realtime.state.test_passing_frames import BELL
from tests.servers.workers import CHECKOUT


def test_the_documents_bell_shows_what_is_new_and_nothing_twice() -> None:
    found = re.search(r"```javascript\n(.*?)```", (CHECKOUT / "docs/state.md").read_text(), re.DOTALL)
    assert found
    page = found[1].replace('"/static/', f'"{(CHECKOUT / "realtime/static").as_uri()}/')
    frame = {"type": "notification", "seq": 11, "data": {"id": 5, "type": "system", "title": "One", "status": "unread"}}
    use = f"const shown = []; const tell = bell({json.dumps(BELL)}, (state) => shown.push(state.unread));"
    use += f"tell({json.dumps(frame)}); tell({json.dumps(frame)}); process.stdout.write(JSON.stringify(shown));"
    ended = subprocess.run(["node", "--input-type=module", "-e", page + use], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(ended.stdout) == [0, 1]
