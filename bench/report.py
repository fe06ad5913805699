"""What a run says: Markdown to standard output and to a file, failures, and everything as JSON."""
import json
import pathlib
import sys


class Report:
    def __init__(self, directory: pathlib.Path):
        self.directory = directory
        self.lines: list[str] = []
        self.failures: dict[str, list[str]] = {}  # what could not be measured -> why, each time
        self.data: dict = {}

    def say(self, text: str = "") -> None:
        self.lines.append(text)
        print(text, flush=True)

    def head(self, facts: dict[str, str]) -> None:
        self.data["machine"] = facts
        self.say("\n".join(f"- {name}: {value}" for name, value in facts.items()))

    def title(self, text: str) -> None:
        self.say(f"\n## {text}\n")

    def table(self, columns, rows) -> None:
        self.say("| " + " | ".join(columns) + " |")
        self.say("|" + "---|" * len(columns))
        for row in rows:
            self.say("| " + " | ".join(str(cell) for cell in row) + " |")
        self.say()

    def failed(self, what: str, why) -> None:
        self.failures.setdefault(what, []).append(str(why))
        print(f"FAILED: {what}: {why}", file=sys.stderr, flush=True)

    def keep(self, section: str, data) -> None:
        self.data[section] = data

    def finish(self) -> int:
        """Writes the files; the exit status: 2 when something could not be measured."""
        if self.failures:
            self.say("\n## Not measured\n")
            for what, why in self.failures.items():
                self.say(f"- {what}: {why[0]}" + (f" (and {len(why) - 1} more times)" if len(why) > 1 else ""))
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "results.md").write_text("\n".join(self.lines) + "\n")
        (self.directory / "results.json").write_text(json.dumps({**self.data, "failures": self.failures}, indent=1))
        print(f"\nwritten: {self.directory / 'results.md'}, {self.directory / 'results.json'}", file=sys.stderr)
        return 2 if self.failures else 0
