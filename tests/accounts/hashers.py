"""A hasher that a later version of Django might prefer."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class Stronger(PBKDF2PasswordHasher):
    algorithm = "stronger"
