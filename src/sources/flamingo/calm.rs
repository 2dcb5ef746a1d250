//! What a stop sends: the requests that can only end motion, light or an acquisition.
//!
//! A workflow goes on to its next move after a halt, so that one press has to end it, too.

use crate::model::StopLevel;
use crate::protocol::flamingo::{Command, Laser, Profile, Request, Side};

/// What ends everything that `level` is about, the halt first. What the profile gives no code is
/// left out.
///
/// Lasers go out one by one: there is no message for all of them. Source: protocol description,
/// section 6.2.
pub(super) fn requests(profile: &Profile, level: StopLevel) -> Vec<Request> {
    let mut all = vec![
        Request::halt(profile),
        Request::plain(profile, Command::WorkflowStop),
    ];
    if level == StopLevel::Safe {
        all.extend(Laser::ALL.map(|laser| Request::laser_off(profile, laser)));
        all.push(Request::plain(profile, Command::LedDisable));
        all.extend([Side::Left, Side::Right].map(|s| Request::illumination(profile, s, false)));
    }
    all.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(profile: &Profile, level: StopLevel) -> Vec<(u32, i32)> {
        let requests = requests(profile, level);
        requests
            .iter()
            .map(|request| (request.message().code, request.message().d0()))
            .collect()
    }

    #[test]
    fn the_halt_goes_first_and_light_only_with_the_second_level() {
        let profile = Profile::current();
        let halt = [(0x6002, 0), (0x3005, 0)];
        assert_eq!(sent(&profile, StopLevel::Halt), halt);
        assert_eq!(
            sent(&profile, StopLevel::Safe),
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

    #[test]
    fn whatever_is_sent_can_only_stop() {
        let requests = requests(&Profile::older(), StopLevel::Safe);
        assert!(
            requests
                .iter()
                .all(|request| request.command().only_stops())
        );
    }

    #[test]
    fn what_has_no_code_does_not_keep_the_rest_back() {
        let none = ["CAMERA_WORK_FLOW_STOP = none".parse().unwrap()];
        let profile = Profile::current().with(&none).unwrap();
        let codes: Vec<u32> = sent(&profile, StopLevel::Safe)
            .into_iter()
            .map(|(code, _)| code)
            .collect();
        assert_eq!(codes[..2], [0x6002, 0x2007]);
    }
}
