//! How many pictures a connection may have under way, by each dialect's rule.
//! Source: the flow control of the ImSwitch servers, observed for every release named in `Dialect`.

use serde_json::Value;

use super::options::Dialect;

/// What a modern client last acknowledged.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Acked {
    Nothing,
    /// Any number: the server's arithmetic takes fractions and more than 255.
    Id(f64),
    /// Text or something else that cannot be subtracted: the server's loop fails on it for every
    /// client it has.
    Poison,
}

/// Which pictures one connection gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window(Rule);

/// A dialect's rule and its state.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    /// Numbered acknowledgements.
    Numbered {
        lag: f64,
        sent: Option<u8>,
        acked: Acked,
    },
    /// One picture under way.
    OneAtATime { ready: bool },
    /// No acknowledgements.
    Open,
}

/// What happens to a picture at a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// Send it, under this id if the dialect numbers per connection.
    Send(u8),
    /// This connection misses it.
    Skip,
}

impl Window {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self(match dialect {
            Dialect::Modern | Dialect::ModernLag1 => Rule::Numbered {
                lag: dialect.lag(),
                sent: None,
                acked: Acked::Nothing,
            },
            Dialect::Pair | Dialect::Raw => Rule::OneAtATime { ready: true },
            Dialect::Json => Rule::Open,
        })
    }

    /// Decides about the next picture and takes it as sent if it is to be.
    pub(super) fn offer(&mut self) -> Offer {
        match &mut self.0 {
            Rule::Numbered { lag, sent, acked } => match (*sent, *acked) {
                (Some(last), Acked::Id(acked)) => {
                    if (f64::from(last) - acked).rem_euclid(256.0) > *lag {
                        return Offer::Skip;
                    }
                    let id = last.wrapping_add(1);
                    *sent = Some(id);
                    Offer::Send(id)
                }
                (Some(_), Acked::Poison) => Offer::Skip,
                _ => {
                    *sent = Some(0);
                    Offer::Send(0)
                }
            },
            Rule::OneAtATime { ready } => {
                if std::mem::take(ready) {
                    Offer::Send(0)
                } else {
                    Offer::Skip
                }
            }
            Rule::Open => Offer::Send(0),
        }
    }

    /// The next picture goes out whatever was acknowledged.
    pub(super) fn force(&mut self) -> Offer {
        match &mut self.0 {
            Rule::Numbered { sent, .. } => {
                let id = sent.map_or(0, |last| last.wrapping_add(1));
                *sent = Some(id);
                Offer::Send(id)
            }
            _ => Offer::Send(0),
        }
    }

    /// Whether the loop over all connections fails on this one.
    pub(super) fn is_poisoned(&self) -> bool {
        matches!(
            self.0,
            Rule::Numbered {
                sent: Some(_),
                acked: Acked::Poison,
                ..
            }
        )
    }

    /// Whether an acknowledgement was taken before.
    pub(super) fn has_acked(&self) -> bool {
        matches!(
            self.0,
            Rule::Numbered {
                acked: Acked::Id(_),
                ..
            }
        )
    }

    /// Takes the arguments of a `frame_ack` event.
    pub(super) fn acknowledge(&mut self, arguments: &[Value]) {
        match &mut self.0 {
            Rule::Numbered { acked, .. } => {
                // Without a map the handler fails before it changes anything.
                let Some(Value::Object(map)) = arguments.first() else {
                    return;
                };
                *acked = match map.get("frame_id") {
                    None | Some(Value::Null) => Acked::Nothing,
                    Some(Value::Bool(on)) => Acked::Id(f64::from(u8::from(*on))),
                    Some(Value::Number(number)) => number.as_f64().map_or(Acked::Poison, Acked::Id),
                    Some(_) => Acked::Poison,
                };
            }
            // An argument more than the handler takes makes it fail.
            Rule::OneAtATime { ready } => *ready |= arguments.is_empty(),
            Rule::Open => {}
        }
    }

    /// Lets the next picture through where one is under way at most.
    pub(super) fn free(&mut self) {
        if let Rule::OneAtATime { ready } = &mut self.0 {
            *ready = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Plays `script` (an id to acknowledge, or any `frame_ack` arguments) and gives what the next
    /// `offers` pictures become.
    fn after(dialect: Dialect, script: &[Value], offers: usize) -> Vec<Option<u8>> {
        let mut window = Window::new(dialect);
        for arguments in script {
            window.acknowledge(arguments.as_array().unwrap());
        }
        take(&mut window, offers)
    }

    fn take(window: &mut Window, offers: usize) -> Vec<Option<u8>> {
        (0..offers)
            .map(|_| match window.offer() {
                Offer::Send(id) => Some(id),
                Offer::Skip => None,
            })
            .collect()
    }

    #[test]
    fn the_first_pictures_follow_the_rule() {
        use Dialect::{Modern, ModernLag1};
        let id = |id: Value| vec![json!([{ "frame_id": id }])];
        type Case = (Dialect, Vec<Value>, &'static [Option<u8>]);
        let cases: [Case; 12] = [
            (
                Modern,
                vec![],
                &[Some(0), Some(0), Some(0), Some(0), Some(0)],
            ),
            (
                Modern,
                id(json!(255)),
                &[Some(0), Some(1), Some(2), Some(3), None, None],
            ),
            (ModernLag1, id(json!(255)), &[Some(0), Some(1), None]),
            (
                Modern,
                id(json!(255.0)),
                &[Some(0), Some(1), Some(2), Some(3), None],
            ),
            (
                Modern,
                id(json!(511)),
                &[Some(0), Some(1), Some(2), Some(3), None],
            ),
            (
                Modern,
                id(json!(-1)),
                &[Some(0), Some(1), Some(2), Some(3), None],
            ),
            (Modern, id(json!(100)), &[Some(0), None, None]),
            (Modern, id(json!(null)), &[Some(0), Some(0), Some(0)]),
            (Modern, id(json!("255")), &[Some(0), None, None]),
            (Modern, vec![json!([])], &[Some(0), Some(0)]),
            (Modern, vec![json!(["255"])], &[Some(0), Some(0)]),
            (
                Modern,
                vec![json!([{"frame_id": 255}]), json!([{"other": 1}])],
                &[Some(0), Some(0), Some(0), Some(0), Some(0), Some(0)],
            ),
        ];
        for (dialect, script, expected) in cases {
            assert_eq!(
                after(dialect, &script, expected.len()),
                expected,
                "{dialect} after {script:?}"
            );
        }
    }

    #[test]
    fn a_client_that_falls_silent_gets_the_window_and_no_more() {
        for (dialect, last) in [(Dialect::Modern, 8), (Dialect::ModernLag1, 6)] {
            let mut window = Window::new(dialect);
            for id in 0..=4 {
                assert_eq!(window.offer(), Offer::Send(id));
                window.acknowledge(&[json!({ "frame_id": id })]);
            }
            for id in 5..=last {
                assert_eq!(window.offer(), Offer::Send(id), "{dialect}");
            }
            assert_eq!(window.offer(), Offer::Skip, "{dialect}");
            window.acknowledge(&[json!({ "frame_id": last })]);
            assert_eq!(window.offer(), Offer::Send(last + 1), "{dialect}");
        }
    }

    #[test]
    fn ids_pass_from_255_to_0() {
        let mut window = Window::new(Dialect::Modern);
        window.acknowledge(&[json!({"frame_id": 255})]);
        for count in 0..600_u32 {
            let id = (count % 256) as u8;
            assert_eq!(window.offer(), Offer::Send(id));
            window.acknowledge(&[json!({ "frame_id": id })]);
        }
    }

    /// Which of every n-th acknowledged keep the rate, for both windows.
    #[test]
    fn acknowledging_every_second_and_fourth_picture() {
        for (dialect, every, expected) in [
            (Dialect::Modern, 2, 100),
            (Dialect::Modern, 4, 100),
            (Dialect::ModernLag1, 2, 100),
            (Dialect::ModernLag1, 4, 2),
            (Dialect::Modern, 5, 4),
            (Dialect::ModernLag1, 5, 2),
        ] {
            let mut window = Window::new(dialect);
            window.acknowledge(&[json!({"frame_id": 255})]);
            let mut sent = 0;
            for _ in 0..100 {
                if let Offer::Send(id) = window.offer() {
                    sent += 1;
                    if sent % every == 0 {
                        window.acknowledge(&[json!({ "frame_id": id })]);
                    }
                }
            }
            assert_eq!(sent, expected, "{dialect}, every {every}");
        }
    }

    #[test]
    fn old_dialects_have_one_picture_under_way() {
        for dialect in [Dialect::Pair, Dialect::Raw] {
            let mut window = Window::new(dialect);
            assert_eq!(take(&mut window, 3), [Some(0), None, None]);
            window.acknowledge(&[json!({"frame_id": 0})]);
            assert_eq!(window.offer(), Offer::Skip, "an argument makes it ignored");
            window.acknowledge(&[]);
            assert_eq!(window.offer(), Offer::Send(0));
            window.free();
            assert_eq!(window.offer(), Offer::Send(0));
        }
        assert_eq!(take(&mut Window::new(Dialect::Json), 2), [Some(0), Some(0)]);
    }
}
