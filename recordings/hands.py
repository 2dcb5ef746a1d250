"""The hands of a person at a terminal: waits, types, and ends the program.

hands.py SECONDS KEYS [SECONDS KEYS]… -- PROGRAM ARGUMENT…

After each time the keys are typed, where \\r is the Enter key and \\x18 is Ctrl-X. Behind the last the
program is told to end, and its exit code is that of this one.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time


def main(steps, program):
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execv(program[0], program)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

    def read_for(seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([terminal], [], [], left)[0]:
                os.read(terminal, 65536)

    for seconds, keys in zip(steps[::2], steps[1::2]):
        read_for(float(seconds))
        for key in keys.encode().decode("unicode_escape"):
            os.write(terminal, key.encode())
            read_for(0.02)
    os.kill(pid, signal.SIGTERM)
    while True:
        try:
            os.read(terminal, 65536)
        except OSError:
            break
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    middle = sys.argv.index("--")
    sys.exit(main(sys.argv[1:middle], sys.argv[middle + 1 :]))
