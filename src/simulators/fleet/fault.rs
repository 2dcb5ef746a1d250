//! What the simulator does wrong on request, by the names the command line uses.

use crate::simulators::fault::faults;

faults! {
    /// Every push is swallowed; answers and heart-beats go on.
    PushSilent = "push-silent",
        "swallow every push while REST goes on moving";
    /// The totals alone are not pushed.
    PushHalf = "push-half",
        "swallow the pushes of the totals alone";
    /// Zeros are pushed in place of the totals.
    PushZero = "push-zero",
        "push zeros in place of the totals";
    /// The totals are pushed with another count of failures than the answers have.
    PushWrong = "push-wrong",
        "push totals that differ from those of REST";
    /// Pushes come on every sixth turn.
    PushSlow = "push-slow",
        "push on every sixth turn only";
    /// The loop makes no turn any more, and the server's health says so.
    LoopDead = "loop-dead",
        "end the loop and say so; heart-beats and REST go on";
    /// The loop makes no turn any more, and the server's health does not know.
    LoopStuck = "loop-stuck",
        "end the loop unnoticed; heart-beats and REST go on, nothing moves";
    /// The process is gone: connections end, and nothing is accepted.
    Gone = "gone",
        "end all connections and answer none";
    /// REST alone fails, with status 500.
    RestFails = "rest-fails",
        "answer every REST call with 500";
    /// Once, when it is switched on: the process starts anew.
    Restart = "restart",
        "start anew once: turns and totals begin at 0";
    /// Once, when it is switched on: the server's clock goes back a minute.
    ClockJump = "clock-jump",
        "set the server's clock back a minute, once";
    /// Open connections bring nothing any more, heart-beats neither.
    NoBeat = "no-beat",
        "send nothing on open connections, pings neither";
}
