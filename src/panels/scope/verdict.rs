//! Is it the server or the link? The server's own picture rate beside ours.

use crate::model::Severity;
use crate::panels::signals::ServerRate;
use crate::ui::number::rate;

/// The answer, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How bad it is.
    pub severity: Severity,
    /// The sentence.
    pub text: String,
}

/// Both rates are averages over different seconds; below this share of the server's the difference
/// is not chance any more.
const KEEPS_UP: f64 = 0.85;
/// A server at less than this share of its own usual rate is the slow one.
const SLOWED: f64 = 0.6;

/// Compares what the server says it sends with the pictures per second that arrive here.
pub fn verdict(server: ServerRate, here_fps: f64) -> Verdict {
    let (sends, here) = (rate(server.fps), rate(here_fps));
    if server.fps < 0.05 && here_fps < 0.05 {
        return Verdict {
            severity: Severity::Warning,
            text: "server sends nothing".to_owned(),
        };
    }
    if here_fps < server.fps * KEEPS_UP {
        return Verdict {
            severity: Severity::Warning,
            text: format!("server {sends}, here {here}: the link loses"),
        };
    }
    if server.fps < server.usual_fps * SLOWED {
        return Verdict {
            severity: Severity::Warning,
            text: format!(
                "server itself slows: {sends} fps, was {}",
                rate(server.usual_fps)
            ),
        };
    }
    Verdict {
        severity: Severity::Info,
        text: format!("server {sends}, here {here}: link keeps up"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Stamp;

    #[test]
    fn server_or_link() {
        let cases = [
            (19.2, 19.5, 18.7, "server 19.2, here 18.7: link keeps up"),
            (19.0, 19.0, 12.0, "server 19.0, here 12.0: the link loses"),
            (6.0, 19.0, 6.1, "server itself slows: 6.0 fps, was 19.0"),
            (6.0, 19.0, 2.0, "server 6.0, here 2.0: the link loses"),
            (0.0, 19.0, 0.0, "server sends nothing"),
            (19.0, 19.0, 25.0, "server 19.0, here 25.0: link keeps up"),
        ];
        for (fps, usual_fps, here, sentence) in cases {
            let server = ServerRate {
                fps,
                usual_fps,
                at: Stamp::default(),
            };
            assert_eq!(verdict(server, here).text, sentence);
        }
    }
}
