//! An instrument as its source described it last, and since when each part of it is so.

use std::sync::Arc;

use crate::model::{Axis, Evidence, Instrument, Light, Motion, PlainText, Stamp};

/// What is known of a source's instrument.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownInstrument {
    /// The newest description.
    pub state: Arc<Instrument>,
    /// When it came.
    pub received: Stamp,
    /// When the connection was last lost.
    lost: Option<Stamp>,
    /// As the axes of `state`.
    axes: Vec<Times>,
    /// As its lights.
    lights: Vec<Times>,
}

/// Since when a value is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Since when it has been the same, as far as was seen.
    pub since: Stamp,
    /// When it last became another value; `None` while it has been the same from the start.
    pub changed: Option<Stamp>,
    /// When the instrument last vouched for it.
    pub said: Option<Stamp>,
}

impl KnownInstrument {
    /// Takes in a description. `known` is what was known before it.
    pub fn take(known: Option<Self>, state: &Arc<Instrument>, at: Stamp) -> Self {
        let (old, axes, lights, lost) = match known {
            Some(known) => (known.state, known.axes, known.lights, known.lost),
            None => Default::default(),
        };
        Self {
            axes: follow(&old.axes, &axes, &state.axes, at, |axis: &Axis| Value {
                name: &axis.name,
                is_known: axis.position.is_some(),
                is_said: axis.position.is_some() && axis.motion != Motion::Unknown,
                numbers: (axis.position, None),
            }),
            lights: follow(&old.lights, &lights, &state.lights, at, |light: &Light| {
                Value {
                    name: &light.name,
                    is_known: light.evidence != Evidence::None,
                    is_said: light.evidence == Evidence::Read,
                    numbers: (light.level, light.on),
                }
            }),
            state: Arc::clone(state),
            received: at,
            lost,
        }
    }

    /// The connection was lost: what is known is known no longer, until it is said again.
    pub fn lose(&mut self, at: Stamp) {
        self.lost = Some(at);
    }

    /// Whether it was said over the connection that stands. Descriptions travel behind news of the
    /// link, so one from before the loss may come after it.
    pub fn is_current(&self) -> bool {
        self.lost
            .is_none_or(|lost| self.received.mono_ns > lost.mono_ns)
    }

    /// How an axis stands: unknown, whatever was said, while nothing vouches for it.
    pub fn motion(&self, axis: &Axis) -> Motion {
        match self.is_current() {
            true => axis.motion,
            false => Motion::Unknown,
        }
    }

    /// What a light's state rests on: nothing, whatever was said, while nothing vouches for it.
    pub fn evidence(&self, light: &Light) -> Evidence {
        match self.is_current() {
            true => light.evidence,
            false => Evidence::None,
        }
    }

    /// The axes, each with since when it stands where it stands.
    pub fn axes(&self) -> impl ExactSizeIterator<Item = (&Axis, &Times)> {
        self.state.axes.iter().zip(&self.axes)
    }

    /// The lights, each with since when it is as it is.
    pub fn lights(&self) -> impl ExactSizeIterator<Item = (&Light, &Times)> {
        self.state.lights.iter().zip(&self.lights)
    }
}

/// What counts of an axis or a light for its times.
struct Value<'a> {
    name: &'a PlainText,
    is_known: bool,
    is_said: bool,
    numbers: (Option<f64>, Option<bool>),
}

/// The times of `new`, each going on from those of the same name in `old`.
fn follow<T>(
    old: &[T],
    times: &[Times],
    new: &[T],
    at: Stamp,
    value: impl Fn(&T) -> Value<'_>,
) -> Vec<Times> {
    let same_name = |index: usize, name: &PlainText| {
        let is_it = |item: &T| value(item).name == name;
        match old.get(index) {
            // Nearly always: a list keeps its order.
            Some(here) if is_it(here) => Some(index),
            _ => old.iter().position(is_it),
        }
    };
    new.iter()
        .enumerate()
        .map(|(index, item)| {
            let now = value(item);
            let place = same_name(index, now.name);
            let before = place.and_then(|place| old.get(place)).map(&value);
            let known = place.and_then(|place| times.get(place));
            let was_known = before.as_ref().is_some_and(|before| before.is_known);
            let is_same = before.is_some_and(|before| before.numbers == now.numbers);
            Times {
                since: match known {
                    Some(known) if is_same => known.since,
                    _ => at,
                },
                changed: match known {
                    _ if was_known && now.is_known && !is_same => Some(at),
                    Some(known) => known.changed,
                    None => None,
                },
                said: match known {
                    _ if now.is_said => Some(at),
                    Some(known) => known.said,
                    None => None,
                },
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Unit;

    fn at(second: u64) -> Stamp {
        Stamp {
            mono_ns: second * 1_000_000_000,
            unix_ns: 0,
        }
    }

    fn axis(name: &str, position: Option<f64>, motion: Motion) -> Axis {
        Axis {
            name: name.into(),
            unit: Unit::Millimetre,
            position,
            target: None,
            limits: None,
            motion,
        }
    }

    fn with_axes(axes: Vec<Axis>) -> Arc<Instrument> {
        Arc::new(Instrument {
            axes,
            ..Instrument::default()
        })
    }

    fn times(known: &KnownInstrument, name: &str) -> Times {
        let mut axes = known.axes();
        *axes.find(|(axis, _)| axis.name.as_str() == name).unwrap().1
    }

    #[test]
    fn only_another_position_is_a_change() {
        use Motion::{Moving, Settled, Unknown};
        let mut known = None;
        let mut say = |second, axes| {
            let next = KnownInstrument::take(known.take(), &with_axes(axes), at(second));
            known = Some(next.clone());
            next
        };
        say(
            1,
            vec![axis("x", None, Unknown), axis("y", Some(2.0), Settled)],
        );
        let found = say(2, vec![axis("x", Some(1.0), Settled)]);
        // A first position is no change.
        assert_eq!(times(&found, "x").changed, None);
        assert_eq!(times(&found, "x").since, at(2));
        let moved = say(3, vec![axis("x", Some(1.5), Moving)]);
        assert_eq!(times(&moved, "x").changed, Some(at(3)));
        // It has moved to another place of the list, and rests.
        let rests = say(
            4,
            vec![axis("r", None, Unknown), axis("x", Some(1.5), Settled)],
        );
        assert_eq!(times(&rests, "x").since, at(3));
        let lost = say(9, vec![axis("x", Some(1.5), Unknown)]);
        assert_eq!(times(&lost, "x").said, Some(at(4)));
        assert_eq!(times(&lost, "x").changed, Some(at(3)));
    }

    #[test]
    fn what_was_said_before_the_loss_vouches_for_nothing_after_it() {
        let settled = || with_axes(vec![axis("x", Some(1.0), Motion::Settled)]);
        let mut known = KnownInstrument::take(None, &settled(), at(1));
        let motion = |known: &KnownInstrument| known.motion(&known.state.axes[0]);
        assert_eq!(motion(&known), Motion::Settled);
        known.lose(at(5));
        assert_eq!(motion(&known), Motion::Unknown);
        // It was on its way while the link was lost.
        let late = KnownInstrument::take(Some(known), &settled(), at(4));
        assert_eq!(motion(&late), Motion::Unknown);
        let again = KnownInstrument::take(Some(late), &settled(), at(7));
        assert_eq!(motion(&again), Motion::Settled);
    }
}
