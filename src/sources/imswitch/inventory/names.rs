//! Names that can be typed and that mean one thing each.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Limits, PlainText};
use crate::sources::imswitch::motion::AxisName;

/// The names of axes: as the server has them, with their stage before them where two stages have
/// an axis of one name.
pub(super) fn axes<'a>(axes: impl Iterator<Item = &'a AxisName> + Clone) -> Vec<PlainText> {
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    let names: Vec<String> = axes
        .clone()
        .map(|one| {
            let namesakes = axes.clone().filter(|other| same(&other.axis, &one.axis));
            match namesakes.count() {
                1 => one.axis.clone(),
                _ => format!("{}.{}", one.stage, one.axis),
            }
        })
        .collect();
    unlike(names.iter().map(String::as_str))
}

/// Printable names, numbered where two would be the same but for capitals.
pub(super) fn unlike<'a>(names: impl Iterator<Item = &'a str>) -> Vec<PlainText> {
    let mut taken = BTreeSet::new();
    names
        .map(|name| {
            let plain = PlainText::from_peer(name);
            let mut name = plain.clone();
            let mut number = 1;
            while !taken.insert(name.to_ascii_lowercase()) {
                number += 1;
                name = format!("{plain}-{number}").into();
            }
            name
        })
        .collect()
}

/// The limits that were written for an axis; capitals do not matter.
pub(super) fn limits(written: &BTreeMap<String, Limits>, axis: &str) -> Option<Limits> {
    let found = written
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(axis));
    found.map(|(_, limits)| *limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_that_share_a_name_have_their_stage_before_it() {
        let all = [("A", "X"), ("A", "Z"), ("B", "x")].map(|(stage, axis)| AxisName {
            stage: stage.to_owned(),
            axis: axis.to_owned(),
        });
        let names = axes(all.iter());
        let names: Vec<&str> = names.iter().map(PlainText::as_str).collect();
        assert_eq!(names, ["A.X", "Z", "B.x"]);
    }

    #[test]
    fn no_two_names_differ_by_capitals_alone() {
        let names = unlike(["LED", "led", "LED-2", "a\u{1b}"].into_iter());
        let names: Vec<&str> = names.iter().map(PlainText::as_str).collect();
        assert_eq!(names, ["LED", "led-2", "LED-2-2", "a␛"]);
    }
}
