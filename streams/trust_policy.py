"""The trust policy of these settings: `trust.toml` with the holidays."""

from infra.deadline_policies import holiday_calendar
from infra.policies import load_policy
from infra.settings import Settings
from projections.trust_policy import TrustPolicy


def trust_policy(settings: Settings) -> TrustPolicy:
    """The bank's own file where its directory has one: this policy came later than some directories."""
    directory = settings.policy_dir
    own = directory is not None and (directory / "trust.toml").is_file()
    return TrustPolicy.parse(load_policy("trust", directory if own else None), holiday_calendar(directory))
