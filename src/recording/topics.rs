//! Names of topics, safe to print, to use in a path and to tell apart.

use std::collections::BTreeSet;

/// The longest part of a topic that comes from a name, in bytes.
pub const MAX_PART: usize = 64;

/// `name` as one part of a topic: letters, digits, `_`, `.` and `-` stay, everything else becomes
/// `_`. A name that had to be changed or cut gets a checksum behind it, so that two such names stay
/// two.
pub fn part(name: &str) -> String {
    let mut safe: String = name
        .chars()
        .take(MAX_PART)
        .map(|c| if is_plain(c) { c } else { '_' })
        .collect();
    let hidden = safe.starts_with('.');
    if safe == name && !safe.is_empty() && !hidden {
        return safe;
    }
    if hidden {
        safe.replace_range(..1, "_");
    }
    safe.truncate(MAX_PART - 9);
    format!("{safe}-{:08x}", crc32fast::hash(name.as_bytes()))
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

/// Topics in use. A peer may choose names whose topics would be the same: the later one gets a
/// number.
#[derive(Clone, Debug, Default)]
pub struct Topics(BTreeSet<String>);

impl Topics {
    /// `wanted`, or `wanted-2` and so on if it is taken.
    pub fn claim(&mut self, wanted: &str) -> String {
        let mut topic = wanted.to_owned();
        let mut n = 2_u32;
        while !self.0.insert(topic.clone()) {
            topic = format!("{wanted}-{n}");
            n = n.saturating_add(1);
        }
        topic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_name_becomes_one_safe_part() {
        let long = "x".repeat(300);
        let cases = [
            ("WidefieldCamera", "WidefieldCamera"),
            ("sigUpdateImage", "sigUpdateImage"),
            ("a/../b", "a_.._b-"),
            ("..", "_.-"),
            ("", "-"),
            ("Kamera é", "Kamera__-"),
            ("\u{1b}[2J", "__2J-"),
            (&long, &long[..MAX_PART - 9]),
        ];
        for (name, start) in cases {
            let topic = part(name);
            assert!(topic.starts_with(start), "{name:?} became {topic}");
            assert!(topic.chars().all(is_plain), "{topic}");
            assert!(!topic.is_empty() && topic.len() <= MAX_PART, "{topic}");
        }
    }

    #[test]
    fn names_that_differ_only_in_what_is_replaced_stay_apart() {
        assert_ne!(part("a/b"), part("a b"));
        let mut topics = Topics::default();
        assert_eq!(topics.claim("/s/a"), "/s/a");
        assert_eq!(topics.claim("/s/a"), "/s/a-2");
        assert_eq!(topics.claim("/s/a"), "/s/a-3");
    }
}
