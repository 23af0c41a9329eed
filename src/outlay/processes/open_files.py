"""How many files a process may have open: each call needs two sockets."""

import resource


def allow_open_files() -> None:
    """Raise this process's limit, and that of its children, as far as the system allows.

    The usual soft limit of 1,024 ends at 500 calls at once; no more than 1,048,576 are asked for.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 1 << 20) if hard != resource.RLIM_INFINITY else 1 << 20
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
