//! Topics by pattern: `*` stands for anything, `?` for one character, everything else for itself.

use std::fmt;

/// A pattern for topics, such as `*/readings`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<char>);

impl Pattern {
    /// The pattern that is written like this.
    pub fn new(text: &str) -> Self {
        Self(text.chars().collect())
    }

    /// Whether the whole topic fits. Takes at most the length of one times that of the other.
    pub fn fits(&self, topic: &str) -> bool {
        let (pattern, topic) = (&self.0, topic.chars().collect::<Vec<_>>());
        let (mut at, mut in_topic) = (0, 0);
        // Behind the last star, and what it has been given so far ends here.
        let mut star: Option<(usize, usize)> = None;
        while let Some(&c) = topic.get(in_topic) {
            match pattern.get(at) {
                Some('*') => {
                    at += 1;
                    star = Some((at, in_topic));
                }
                Some(&wanted) if wanted == '?' || wanted == c => {
                    at += 1;
                    in_topic += 1;
                }
                _ => match &mut star {
                    Some((behind, given)) => {
                        *given += 1;
                        (at, in_topic) = (*behind, *given);
                    }
                    None => return false,
                },
            }
        }
        pattern.iter().skip(at).all(|c| *c == '*')
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|c| write!(f, "{c}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_anything_and_a_question_mark_one_character() {
        let cases = [
            ("/scope/readings", "/scope/readings", true),
            ("/scope/readings", "/scope/readings2", false),
            ("*/readings", "/scope/readings", true),
            ("/scope/*", "/scope/cam/image", true),
            ("/scope/*", "/other/cam", false),
            ("*cam?/image*", "/scope/cam1/image_raw", true),
            ("*cam?/image", "/scope/cam12/image", false),
            ("*a*b*c", "/a/b/b/c", true),
            ("*a*b*c", "/a/b/c/d", false),
            ("*", "", true),
            ("", "", true),
            ("", "/a", false),
            ("?", "é", true),
        ];
        for (pattern, topic, fits) in cases {
            assert_eq!(Pattern::new(pattern).fits(topic), fits, "{pattern} {topic}");
        }
    }

    #[test]
    fn many_stars_end_in_time() {
        let pattern = Pattern::new(&"*a".repeat(200));
        assert!(!pattern.fits(&"a".repeat(199)));
        assert!(!pattern.fits(&"b".repeat(20_000)));
    }
}
