"""A proxy under test: started for one row of features in front of one origin, and stopped."""
import dataclasses
import os
import pathlib

import processes

ROOT = pathlib.Path(__file__).resolve().parents[2]
FEATURES = ("bare", "metrics", "log", "traces", "all", "all+limit")


@dataclasses.dataclass
class Setup:
    """What every proxy of a run is told."""
    directory: pathlib.Path
    origin_port: int
    collector_port: int
    cpus: set[int]
    feature: str = "bare"
    workers: int = 1
    connections: int = 4000          # it must be able to hold so many clients
    environment: dict = dataclasses.field(default_factory=dict)


class Proxy:
    name = ""
    features: tuple[str, ...] = FEATURES
    measured = True                  # False: there is no proxy; the client asks the origin

    def __init__(self, setup: Setup):
        self.setup = setup
        self.port = processes.free_port()
        self.directory = setup.directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log_path = self.directory / "access.log"
        home = str(self.directory)
        environment = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home,
                       **self.environment(), **setup.environment}
        with open(self.directory / "output", "wb") as output:
            self.process = processes.start(self.command(), setup.cpus, stdout=output, stderr=output, env=environment)
        try:
            processes.wait_for_answer(self.port, self.process)
        except RuntimeError as error:
            processes.stop(self.process)
            raise RuntimeError(f"{self.name} did not start: {error}: {self.output()[-2000:]}") from error

    @property
    def feature(self) -> str:
        return self.setup.feature

    @property
    def metrics(self) -> bool:
        return self.feature in ("metrics", "all", "all+limit")

    @property
    def log(self) -> bool:
        return self.feature in ("log", "all", "all+limit")

    @property
    def traces(self) -> bool:
        return self.feature in ("traces", "all", "all+limit")

    @property
    def limit(self) -> bool:
        return self.feature == "all+limit"

    def command(self) -> list:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {}

    def output(self) -> str:
        """What it said, which is of interest when it does not start."""
        return (self.directory / "output").read_text(errors="replace").strip()

    def pids(self) -> list[int]:
        return processes.family(self.process.pid)

    def stop(self) -> None:
        processes.stop(self.process)
        if self.log_path.exists():
            self.log_path.unlink()
