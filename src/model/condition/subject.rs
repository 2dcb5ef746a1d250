//! What may be asked about a source: a word, and the value it has now.

use crate::model::{Instrument, LinkState, Motion, Unit, Value};

/// What is known of a source, whoever keeps it.
pub trait Knowledge {
    /// The state of its connection, once it was told.
    fn link(&self) -> Option<&LinkState>;

    /// Its instrument, as it last described itself.
    fn instrument(&self) -> Option<&Instrument>;

    /// The newest value of the reading of that name, and its unit.
    fn reading(&self, name: &str) -> Option<(&Value, &str)>;
}

/// A value, and what it is counted in.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The value.
    pub value: Value,
    /// Its unit, empty if it has none.
    pub unit: String,
}

impl Answer {
    fn new(value: impl Into<Value>, unit: &str) -> Self {
        Self {
            value: value.into(),
            unit: unit.to_owned(),
        }
    }

    /// The value as text, without its unit.
    pub fn text(&self) -> String {
        match &self.value {
            Value::Float(number) => number.to_string(),
            Value::Int(number) => number.to_string(),
            Value::Bool(true) => "on".to_owned(),
            Value::Bool(false) => "off".to_owned(),
            Value::Text(text) => text.to_string(),
        }
    }

    /// The value as a number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match &self.value {
            Value::Float(number) => Some(*number),
            Value::Int(number) => Some(*number as f64),
            Value::Bool(_) | Value::Text(_) => None,
        }
    }
}

/// The value that `word` has now; `None` while nobody has said it.
///
/// Words are `link`, `activity`, `workflow`, `settled`, an axis (its position) with `.motion`,
/// `.target`, `.min` or `.max` behind it, a light (its level) with `.on`, or the name of a reading.
pub fn find(source: &dyn Knowledge, word: &str) -> Option<Answer> {
    if word.eq_ignore_ascii_case("link") {
        let state = source.link().map(LinkState::word);
        return state.map(|state| Answer::new(state, ""));
    }
    let of_instrument = source.instrument().and_then(|i| instrument(i, word));
    of_instrument.or_else(|| {
        let (value, unit) = source.reading(word)?;
        Some(Answer {
            value: value.clone(),
            unit: unit.to_owned(),
        })
    })
}

fn instrument(instrument: &Instrument, word: &str) -> Option<Answer> {
    match word.to_ascii_lowercase().as_str() {
        "activity" => return Some(Answer::new(instrument.activity.as_str(), "")),
        "settled" => {
            let mut axes = instrument.axes.iter();
            // Not known is neither.
            let is_known = axes.clone().all(|axis| axis.motion != Motion::Unknown);
            let rests = axes.all(|axis| axis.motion == Motion::Settled);
            return is_known.then(|| Answer::new(rests, ""));
        }
        "workflow" => {
            let state = instrument.workflow.as_ref()?.state;
            return Some(Answer::new(state.as_str(), ""));
        }
        _ => {}
    }
    // Names may have a point in them: the whole word counts first.
    if let Some(axis) = instrument.axis(word) {
        let known = axis.position.filter(|_| axis.motion != Motion::Unknown)?;
        return Some(Answer::new(known, axis.unit.as_str()));
    }
    if let Some(light) = instrument.light(word) {
        return Some(Answer::new(light.level?, light.unit.as_str()));
    }
    let (name, part) = word.rsplit_once('.')?;
    if let Some(axis) = instrument.axis(name) {
        let unit = axis.unit.as_str();
        return match part {
            "motion" => Some(Answer::new(axis.motion.as_str(), "")),
            "target" => Some(Answer::new(axis.target?, unit)),
            "min" => Some(Answer::new(axis.limits?.min, unit)),
            "max" => Some(Answer::new(axis.limits?.max, unit)),
            _ => None,
        };
    }
    match part {
        "on" => Some(Answer::new(instrument.light(name)?.on?, "")),
        _ => None,
    }
}

/// A number in the unit of `answer`, from what was written with a unit of its own or none.
///
/// # Errors
/// What is wrong with it.
pub fn number_in(written: &str, answer: &Answer) -> Result<f64, String> {
    let end = written
        .char_indices()
        .find(|(at, c)| {
            let exponent = matches!(c, 'e' | 'E')
                && written[at + c.len_utf8()..]
                    .starts_with(|n: char| n.is_ascii_digit() || n == '-');
            !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+') || exponent)
        })
        .map_or(written.len(), |(at, _)| at);
    let (digits, unit) = written.split_at(end);
    let number: f64 = digits
        .parse()
        .map_err(|_| format!("\"{written}\" is not a number"))?;
    let unit = unit.trim();
    if unit.is_empty() || unit == answer.unit {
        return Ok(number);
    }
    let converted = Unit::from_name(unit)
        .zip(Unit::from_name(&answer.unit))
        .and_then(|(from, to)| from.convert(number, to));
    converted.ok_or_else(|| match answer.unit.as_str() {
        "" => format!("\"{written}\": it has no unit; write the number alone"),
        own => format!("\"{written}\": it is in {own}; write {digits}{own}"),
    })
}
