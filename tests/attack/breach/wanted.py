"""Modules that attacks use, imported before they run: a layer is to hold what they do, and not an import."""

WANTED = (
    *("ctypes", "fcntl", "io", "logisight.sandbox.processes", "mmap", "numpy.ctypeslib"),
    *("numpy.lib.stride_tricks", "operator", "os", "pickle", "posix", "resource", "signal", "socket"),
    *("string", "subprocess", "threading", "time", "unicodedata"),
)
