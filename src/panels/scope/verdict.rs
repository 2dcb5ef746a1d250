//! Is it the server or the link? Pictures counted at both ends, in words.

use crate::model::Severity;
use crate::panels::pace::Pace;
use crate::ui::number::rate;

/// The answer, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How bad it is.
    pub severity: Severity,
    /// The sentence.
    pub text: String,
}

/// The two counts begin and end up to half a second apart; within a tenth they are the same.
const KEEPS_UP: f64 = 0.9;
/// A server at less than this share of its own usual rate is the slow one.
const SLOWED: f64 = 0.6;

/// Compares what the server sent with what arrived.
pub fn verdict(pace: Pace) -> Verdict {
    let (sent, here) = (rate(pace.server_fps), rate(pace.here_fps));
    let (severity, text) = if pace.server_fps < 0.05 && pace.here_fps < 0.05 {
        (Severity::Warning, "server sends nothing".to_owned())
    } else if pace.here_fps < pace.server_fps * KEEPS_UP {
        let missing = (1.0 - pace.here_fps / pace.server_fps) * 100.0;
        let text = format!("server {sent}, here {here}: {missing:.0} % do not arrive");
        (Severity::Warning, text)
    } else if pace.server_fps < pace.usual_fps * SLOWED {
        let was = rate(pace.usual_fps);
        let text = format!("server itself slows: {sent} fps, was {was}");
        (Severity::Warning, text)
    } else {
        let text = format!("server {sent}, here {here}: link keeps up");
        (Severity::Info, text)
    };
    Verdict { severity, text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Stamp;

    #[test]
    fn server_or_link() {
        let cases = [
            (19.2, 19.5, 18.7, "server 19.2, here 18.7: link keeps up"),
            (20.0, 20.0, 18.0, "server 20.0, here 18.0: link keeps up"),
            (
                20.0,
                20.0,
                12.0,
                "server 20.0, here 12.0: 40 % do not arrive",
            ),
            (6.0, 19.0, 6.1, "server itself slows: 6.0 fps, was 19.0"),
            (6.0, 19.0, 3.0, "server 6.0, here 3.0: 50 % do not arrive"),
            (0.0, 19.0, 0.0, "server sends nothing"),
            (19.0, 19.0, 25.0, "server 19.0, here 25.0: link keeps up"),
        ];
        for (server_fps, usual_fps, here_fps, sentence) in cases {
            let pace = Pace {
                server_fps,
                usual_fps,
                here_fps,
                at: Stamp::default(),
            };
            assert_eq!(verdict(pace).text, sentence);
        }
    }
}
