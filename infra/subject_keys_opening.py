"""Opens the key store that the settings name, and rotates its master key."""

from pathlib import Path

from engines.primitives.errors import InvalidInput
from infra.settings import Settings
from infra.subject_keys import SubjectKeys
from infra.subject_keys_master import ENVIRONMENT, LocalMasterKey, MasterKey, master_key, next_key, take_next_key
from infra.subject_keys_store import open_key_database

KEYS_FILE = Path("privacy") / "subject-keys.db"
NEXT_ENVIRONMENT = f"{ENVIRONMENT}_NEXT"


def open_subject_keys(settings: Settings) -> SubjectKeys:
    """The keeper of keys of this installation. Raises Unavailable, InvalidInput."""
    text = None if settings.privacy_key is None else settings.privacy_key.get_secret_value()
    folder = settings.data_dir / "keys"

    def master(name: str | None) -> MasterKey:
        return master_key(text, folder, name)

    return SubjectKeys(open_key_database(settings.subject_keys, settings.data_dir / KEYS_FILE), master)


def rotate_master_key(settings: Settings, keys: SubjectKeys) -> int:
    """Wrap all keys again by a new master key: that of TIDEMARK_PRIVACY_KEY_NEXT where the present one comes from the
    environment, else a new one in the key file. No event is touched. Returns how many keys were wrapped again.

    Raises InvalidInput: the environment holds the present key and no next one.
    """
    if settings.privacy_key is not None:
        if settings.privacy_key_next is None:
            raise InvalidInput(f"set {NEXT_ENVIRONMENT} to the new key", field=NEXT_ENVIRONMENT)
        return keys.rotate(LocalMasterKey.from_text(settings.privacy_key_next.get_secret_value()))
    folder = settings.data_dir / "keys"
    count = keys.rotate(next_key(folder))
    take_next_key(folder)
    return count
