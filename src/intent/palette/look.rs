//! Words about the picture: what may follow them, and what they mean.

use super::error::PaletteError;
use super::line::first_word;
use super::names::one_of;
use super::order::{LookOrder, Order};
use super::verbs::LookVerb;
use super::vocabulary::Vocabulary;

/// Largest zoom that may be asked for; a frame has an end before.
const MAX_ZOOM: f32 = 4_096.0;

/// Understands what follows a word about the picture.
pub(super) fn parse(
    which: LookVerb,
    verb: &'static str,
    rest: &str,
    vocabulary: &Vocabulary,
) -> Result<Order, PaletteError> {
    let asked = Asked { verb, rest };
    let order = match which {
        LookVerb::Zoom if rest == "fit" => LookOrder::Zoom(1.0),
        LookVerb::Zoom => LookOrder::Zoom(asked.number("zoom 4", 1.0..=MAX_ZOOM)?),
        LookVerb::Region if rest == "off" => LookOrder::Region(None),
        LookVerb::Region => {
            let example = "roi 100 80 256 256";
            let [x, y, width, height] = asked.pixels(example)?;
            if width == 0 || height == 0 {
                return Err(asked.wrong("0", "no size of a region", example));
            }
            LookOrder::Region(Some([x, y, width, height]))
        }
        LookVerb::Profile if rest == "off" => LookOrder::Profile(None),
        LookVerb::Profile => LookOrder::Profile(Some(asked.pixels("profile 0 0 511 511")?)),
        LookVerb::Contrast => asked.contrast()?,
        LookVerb::Gamma => LookOrder::Gamma(asked.number("gamma 0.7", 0.1..=10.0)?),
        LookVerb::ColorMap => LookOrder::ColorMap(one_of(verb, rest, &vocabulary.color_maps)?),
        LookVerb::Reference => LookOrder::Reference(asked.is_on()?),
        LookVerb::Difference => LookOrder::Difference(asked.is_on()?),
        LookVerb::Split => {
            let counts = ["1".to_owned(), "2".to_owned()];
            LookOrder::Split(one_of(verb, rest, &counts)? == "2")
        }
    };
    Ok(Order::Look(order))
}

/// What may follow such a word.
pub(super) fn choices(which: LookVerb, vocabulary: &Vocabulary) -> Vec<String> {
    let words: &[&str] = match which {
        LookVerb::Zoom => &["fit", "1", "2", "4", "8", "16"],
        LookVerb::Region | LookVerb::Profile | LookVerb::Reference | LookVerb::Difference => {
            &["off"]
        }
        LookVerb::Contrast => &["auto", "full"],
        LookVerb::Gamma => &["0.5", "0.7", "1", "1.5", "2.2"],
        LookVerb::ColorMap => return vocabulary.color_maps.clone(),
        LookVerb::Split => &["1", "2"],
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// What Enter would do, in one short sentence.
pub(super) fn sentence(order: &LookOrder) -> String {
    match order {
        LookOrder::Zoom(zoom) if *zoom <= 1.0 => "show the whole frame".to_owned(),
        LookOrder::Zoom(zoom) => format!("zoom in {zoom} times"),
        LookOrder::Region(None) => "measure the whole frame".to_owned(),
        LookOrder::Region(Some([x, y, width, height])) => {
            format!("measure {width}x{height} pixels from column {x}, row {y} on")
        }
        LookOrder::Profile(None) => "no line of values".to_owned(),
        LookOrder::Profile(Some([x1, y1, x2, y2])) => {
            format!("values from column {x1}, row {y1} to column {x2}, row {y2}")
        }
        LookOrder::AutoContrast => "black and white follow the picture".to_owned(),
        LookOrder::FullContrast => "black and white are the ends of the camera's scale".to_owned(),
        LookOrder::Contrast(black, white) => format!("draw {black} black and {white} white"),
        LookOrder::Gamma(gamma) => format!("draw with gamma {gamma}"),
        LookOrder::ColorMap(name) => format!("draw grey pictures in {name}"),
        LookOrder::Reference(true) => "take the frame as the reference".to_owned(),
        LookOrder::Reference(false) => "forget the reference".to_owned(),
        LookOrder::Difference(true) => "show the difference to the reference".to_owned(),
        LookOrder::Difference(false) => "show the frame itself".to_owned(),
        LookOrder::Split(true) => "show two cameras side by side".to_owned(),
        LookOrder::Split(false) => "show one camera".to_owned(),
    }
}

struct Asked<'a> {
    verb: &'static str,
    rest: &'a str,
}

impl Asked<'_> {
    fn is_on(&self) -> Result<bool, PaletteError> {
        match self.rest {
            "" => Ok(true),
            rest => one_of(self.verb, rest, &["on".to_owned(), "off".to_owned()])
                .map(|word| word == "on"),
        }
    }

    fn contrast(&self) -> Result<LookOrder, PaletteError> {
        match self.rest {
            "auto" => return Ok(LookOrder::AutoContrast),
            "full" => return Ok(LookOrder::FullContrast),
            _ => {}
        }
        let example = "contrast 100 3000";
        let [black, white] = self.numbers::<u16, 2>(example)?;
        if black >= white {
            let got = format!("{black} {white}");
            return Err(self.wrong(&got, "dark and bright the wrong way round", example));
        }
        Ok(LookOrder::Contrast(black, white))
    }

    fn pixels(&self, example: &str) -> Result<[u32; 4], PaletteError> {
        self.numbers(example)
    }

    /// Exactly so many whole numbers.
    fn numbers<T, const N: usize>(&self, example: &str) -> Result<[T; N], PaletteError>
    where
        T: std::str::FromStr + Copy + Default,
    {
        let mut numbers = [T::default(); N];
        let mut rest = self.rest;
        for number in &mut numbers {
            let (word, behind) = first_word(rest);
            if word.is_empty() {
                return Err(self.unfinished(example));
            }
            *number = word.parse().map_err(|_| self.no_number(word, example))?;
            rest = behind;
        }
        self.nothing_behind(rest, example)?;
        Ok(numbers)
    }

    fn number(
        &self,
        example: &str,
        range: std::ops::RangeInclusive<f32>,
    ) -> Result<f32, PaletteError> {
        let (word, rest) = first_word(self.rest);
        if word.is_empty() {
            return Err(self.unfinished(example));
        }
        let number: f32 = word.parse().map_err(|_| self.no_number(word, example))?;
        self.nothing_behind(rest, example)?;
        match number {
            number if range.contains(&number) => Ok(number),
            number if number < *range.start() => Err(self.wrong(word, "too small", example)),
            _ => Err(self.wrong(word, "too large", example)),
        }
    }

    fn nothing_behind(&self, rest: &str, example: &str) -> Result<(), PaletteError> {
        match rest {
            "" => Ok(()),
            got => Err(PaletteError::Surplus {
                verb: self.verb,
                got: got.to_owned(),
                example: example.to_owned(),
            }),
        }
    }

    fn unfinished(&self, example: &str) -> PaletteError {
        let question = match self.verb {
            "zoom" => "how many times",
            "roi" => "which columns and rows",
            "profile" => "from where to where",
            "contrast" => "between which values",
            _ => "how much",
        };
        PaletteError::Unfinished {
            verb: self.verb,
            question: question.to_owned(),
            example: format!("for example {example}"),
        }
    }

    fn no_number(&self, got: &str, example: &str) -> PaletteError {
        PaletteError::NotANumber {
            verb: self.verb,
            got: got.to_owned(),
            example: example.to_owned(),
        }
    }

    fn wrong(&self, got: &str, problem: &'static str, example: &str) -> PaletteError {
        PaletteError::WrongNumber {
            verb: self.verb,
            got: got.to_owned(),
            problem,
            example: example.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::{Preview, completions, parse, preview};

    fn vocabulary() -> Vocabulary {
        Vocabulary {
            color_maps: vec!["grey".to_owned(), "viridis".to_owned()],
            ..Vocabulary::default()
        }
    }

    #[test]
    fn words_about_the_picture() {
        use LookOrder::*;
        let cases = [
            ("zoom 4", Zoom(4.0)),
            ("zoom fit", Zoom(1.0)),
            ("roi 1 2 30 40", Region(Some([1, 2, 30, 40]))),
            ("roi off", Region(None)),
            ("profile 0  0 511 7", Profile(Some([0, 0, 511, 7]))),
            ("profile off", Profile(None)),
            ("contrast 100 3000", LookOrder::Contrast(100, 3_000)),
            ("contrast auto", AutoContrast),
            ("contrast full", FullContrast),
            ("gamma 0.7", Gamma(0.7)),
            ("map viridis", ColorMap("viridis".to_owned())),
            ("reference", Reference(true)),
            ("reference off", Reference(false)),
            ("difference", Difference(true)),
            ("difference off", Difference(false)),
            ("split 2", Split(true)),
            ("split 1", Split(false)),
        ];
        for (line, order) in cases {
            assert_eq!(parse(line, &vocabulary()), Ok(Order::Look(order)), "{line}");
            assert!(matches!(
                preview(line, &vocabulary()),
                Preview::Ready { .. }
            ));
        }
    }

    #[test]
    fn what_cannot_be_says_what_to_write() {
        let cases = [
            ("zoom", "zoom: how many times? write for example zoom 4"),
            ("zoom 0.5", "zoom: 0.5 is too small; write zoom 4"),
            ("zoom nan", "zoom: nan is too large; write zoom 4"),
            ("gamma 11", "gamma: 11 is too large; write gamma 0.7"),
            ("gamma x", "gamma: \"x\" is no number; write gamma 0.7"),
            (
                "roi 1 2",
                "roi: which columns and rows? write for example roi 100 80 256 256",
            ),
            (
                "roi 1 2 0 4",
                "roi: 0 is no size of a region; write roi 100 80 256 256",
            ),
            (
                "roi 1 2 3 4 5",
                "roi: \"5\" is too much; write roi 100 80 256 256",
            ),
            (
                "roi 1 2 3 -4",
                "roi: \"-4\" is no number; write roi 100 80 256 256",
            ),
            (
                "contrast 300 100",
                "contrast: 300 100 is dark and bright the wrong way round; write contrast 100 3000",
            ),
            (
                "contrast 0 65536",
                "contrast: \"65536\" is no number; write contrast 100 3000",
            ),
            ("map jet", "map: there is no \"jet\"; write grey or viridis"),
            ("split 3", "split: there is no \"3\"; write 1 or 2"),
        ];
        for (line, says) in cases {
            let error = parse(line, &vocabulary()).unwrap_err();
            assert_eq!(error.to_string(), says, "{line}");
        }
    }

    #[test]
    fn words_are_completed() {
        let cases: [(&str, &[&str]); 4] = [
            ("map v", &["map viridis"]),
            ("contrast ", &["contrast auto", "contrast full"]),
            ("roi o", &["roi off"]),
            ("split ", &["split 1", "split 2"]),
        ];
        for (line, offers) in cases {
            assert_eq!(completions(line, &vocabulary()), offers, "{line}");
        }
    }
}
