//! What makes the instrument quiet, in the order in which it is sent.

use crate::model::StopLevel;
use crate::protocol::flamingo::{Command, Laser, Profile, Request, Side};

/// The requests of a stop: the halt first, then the end of the workflow and of all light.
///
/// A command that the profile gives no code is left out.
pub(super) fn requests(profile: &Profile, level: StopLevel) -> Vec<Request> {
    let mut made = vec![Request::halt(profile)];
    if level == StopLevel::Safe {
        made.push(Request::plain(profile, Command::WorkflowStop));
        // There is no message for all lasers.
        made.extend(Laser::ALL.map(|laser| Request::laser_off(profile, laser)));
        made.push(Request::plain(profile, Command::LedDisable));
        made.extend([Side::Left, Side::Right].map(|s| Request::illumination(profile, s, false)));
    }
    made.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(level: StopLevel) -> Vec<(u32, i32)> {
        let requests = requests(&Profile::current(), level);
        let messages = requests.iter().map(Request::message);
        messages.map(|m| (m.code, m.d0())).collect()
    }

    #[test]
    fn the_halt_goes_first_and_each_laser_is_named() {
        assert_eq!(codes(StopLevel::Halt), [(0x6002, 0)]);
        assert_eq!(
            codes(StopLevel::Safe),
            [
                (0x6002, 0),
                (0x3005, 0),
                (0x2007, 1),
                (0x2007, 2),
                (0x2007, 3),
                (0x2007, 4),
                (0x4003, 0),
                (0x7005, 0),
                (0x7007, 0),
            ]
        );
    }
}
