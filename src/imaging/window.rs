//! Which values are drawn black and white: from what is there, without flicker.
//!
//! Values are 16 bits wide here whatever the camera; those of 8 bits are in the high byte.

use super::reduce::Extent;
use crate::model::Stamp;

/// Percent of the pixels that may be drawn fully black, and as many fully white.
const CLIPPED_PERCENT: f64 = 0.2;

/// As long as both ends would move by no more than this fraction of the window, it stands still.
const STILL: f32 = 0.05;

/// If an end would move by more than this fraction of the window, it is another scene: jump.
const JUMP: f32 = 0.5;

/// In between, the distance shrinks to 1/e of itself in this time.
const FOLLOW_S: f32 = 0.5;

/// How many bits a camera uses, from the values it has sent.
///
/// The announced depth is not to be trusted (ImSwitch always says 12), so the rule is: an 8-bit
/// camera leaves all low bytes zero; otherwise it is 12 bits until a value above 4095 is seen, and
/// 16 from then on. Source: `imswitch.md`, "Brightness".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    bits: u16,
    max: u16,
}

impl Depth {
    /// Takes in what a frame's values are like.
    pub fn note(&mut self, extent: Extent) {
        self.bits |= extent.bits;
        self.max = self.max.max(extent.max);
    }

    /// Of 8 bits in the high byte, or of 12 or 16.
    pub fn scale(self) -> Scale {
        match (self.bits & 0xff, self.max) {
            // Black pictures tell nothing: the rule begins at 12.
            (0, 1..) => Scale::BYTES,
            (_, 0..=4095) => Scale::from_bits(12),
            _ => Scale::from_bits(16),
        }
    }

    /// As [`Depth::scale`], unless the camera says how many bits it has and has kept to it.
    pub fn scale_as_said(self, bits: Option<u8>) -> Scale {
        let said = bits.map(Scale::from_bits);
        said.filter(|said| self.max <= said.top())
            .unwrap_or_else(|| self.scale())
    }
}

/// The scale of a camera's values: how many bits they have and where those lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    bits: u8,
    /// Bits by which values are moved up here, against what the camera has.
    shift: u8,
}

impl Scale {
    /// Values of 8 bits, which are in the high byte here.
    pub const BYTES: Self = Self { bits: 8, shift: 8 };

    /// Values of 1 to 16 bits, from the lowest one.
    pub fn from_bits(bits: u8) -> Self {
        let bits = bits.clamp(1, 16);
        Self { bits, shift: 0 }
    }

    /// Bits of a value.
    pub fn bits(self) -> u8 {
        self.bits
    }

    /// Full scale.
    pub fn top(self) -> u16 {
        // At most 16 bits: what is moved out of them is none of the values' own.
        (((1_u32 << self.bits) - 1) << self.shift) as u16
    }

    /// The value as the camera has it.
    pub fn as_sent(self, value: u16) -> u16 {
        value >> self.shift
    }

    /// A value of the camera's as it is here; more than full scale is full scale.
    pub fn as_kept(self, value: u16) -> u16 {
        (u32::from(value) << self.shift).min(u32::from(self.top())) as u16
    }

    /// The narrowest window, so that the noise of an empty picture is not blown up to full
    /// contrast: 8 steps of 8 bits, 16 of 12, 256 of 16.
    fn least_span(self) -> f32 {
        let steps = ((1_u32 << self.bits) / 256).max(8) << self.shift;
        steps.min(u32::from(self.top())) as f32
    }
}

/// The values that all but the darkest and brightest 0.2 % lie between, both ends included.
/// Changes the order of `values`; 0 and 0 if there are none.
pub fn percentiles(values: &mut [u16]) -> (u16, u16) {
    let Some(last) = values.len().checked_sub(1) else {
        return (0, 0);
    };
    let clipped = ((values.len() as f64 * CLIPPED_PERCENT / 100.0) as usize).min(last / 2);
    let (_, high, _) = values.select_nth_unstable(last - clipped);
    let high = *high;
    let (_, low, _) = values.select_nth_unstable(clipped);
    (*low, high)
}

/// The window of one camera, which follows its pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    low: f32,
    high: f32,
    moved: Option<Stamp>,
}

impl Window {
    /// The whole scale of a 12-bit camera, until the first picture sets it.
    pub fn new() -> Self {
        Self {
            low: 0.0,
            high: f32::from(Scale::from_bits(12).top()),
            moved: None,
        }
    }

    /// Moves the window towards where a picture received at `received` would have it, and returns
    /// the values to be drawn black and white; the second is the larger.
    ///
    /// - `wanted`: low and high percentile of the picture
    /// - `scale`: what the camera uses, which sets the narrowest and the widest window
    pub fn follow(&mut self, wanted: (u16, u16), scale: Scale, received: Stamp) -> (u16, u16) {
        let (low, high) = widened(wanted, scale);
        // The ends of a narrow window are noise for a good part of its width.
        let span = (self.high - self.low).max(4.0 * scale.least_span());
        let distance = (low - self.low).abs().max((high - self.high).abs());
        let passed = self.moved.map(|moved| received.since(moved));
        if passed.is_none() || distance > span * JUMP {
            (self.low, self.high) = (low, high);
        } else if distance > span * STILL {
            let passed = passed.unwrap_or_default().as_secs_f32();
            let part = 1.0 - (-passed / FOLLOW_S).exp();
            self.low += (low - self.low) * part;
            self.high += (high - self.high) * part;
        }
        self.moved = Some(received);
        let low = self.low.round() as u16;
        (low, (self.high.round() as u16).max(low.saturating_add(1)))
    }
}

impl Default for Window {
    fn default() -> Self {
        Self::new()
    }
}

/// `wanted`, made at least as wide as makes sense and kept within the scale.
fn widened((low, high): (u16, u16), scale: Scale) -> (f32, f32) {
    let top = f32::from(scale.top());
    let least = scale.least_span();
    let (low, high) = (f32::from(low).min(top), f32::from(high).min(top));
    if high - low >= least {
        return (low, high);
    }
    let low = ((low + high - least) / 2.0).clamp(0.0, top - least);
    (low, low + least)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Stamp {
        Stamp {
            mono_ns: ms * 1_000_000,
            unix_ns: 0,
        }
    }

    const TWELVE: Scale = Scale { bits: 12, shift: 0 };

    fn extent(values: &[u16]) -> Extent {
        Extent {
            min: values.iter().copied().min().unwrap(),
            max: values.iter().copied().max().unwrap(),
            bits: values.iter().fold(0, |bits, value| bits | value),
        }
    }

    #[test]
    fn the_bit_depth_follows_what_was_seen() {
        let cases: [(&str, &[&[u16]], u8); 8] = [
            ("black", &[&[0, 0]], 12),
            ("12 bits", &[&[0, 4095]], 12),
            ("one value above", &[&[0, 4096 + 1]], 16),
            ("dark again after a bright one", &[&[65_535], &[7, 9]], 16),
            ("low bytes zero", &[&[0, 0x1000, 0xff00]], 8),
            ("low bytes zero, dark", &[&[0, 0x0100]], 8),
            ("a low byte later", &[&[0x0200], &[0x0201]], 12),
            ("a low byte later, bright", &[&[0xff00], &[0x0201]], 16),
        ];
        for (name, frames, want) in cases {
            let mut depth = Depth::default();
            for frame in frames {
                depth.note(extent(frame));
            }
            assert_eq!(depth.scale().bits(), want, "{name}");
        }
    }

    #[test]
    fn what_a_camera_says_of_its_bits_holds_as_long_as_it_keeps_to_it() {
        let mut depth = Depth::default();
        depth.note(extent(&[0, 1000]));
        assert_eq!(depth.scale_as_said(Some(10)).top(), 1023);
        assert_eq!(depth.scale_as_said(None).top(), 4095);
        // A value of 8 bits in the low byte, which nothing but the word tells from darkness.
        assert_eq!(depth.scale_as_said(Some(8)).top(), 4095);
        depth.note(extent(&[1024]));
        assert_eq!(depth.scale_as_said(Some(10)).top(), 4095);
        assert_eq!(depth.scale_as_said(Some(99)).top(), 65_535);
    }

    #[test]
    fn values_are_moved_up_and_back() {
        assert_eq!(Scale::BYTES.top(), 0xff00);
        assert_eq!(Scale::BYTES.as_kept(200), 200 << 8);
        assert_eq!(Scale::BYTES.as_kept(999), 0xff00);
        assert_eq!(Scale::BYTES.as_sent(0x12ff), 0x12);
        assert_eq!((TWELVE.as_kept(5000), TWELVE.as_sent(77)), (4095, 77));
        assert_eq!(Scale::from_bits(0).top(), 1);
    }

    #[test]
    fn percentiles_leave_out_one_in_five_hundred() {
        let mut values: Vec<u16> = (0..1000).rev().collect();
        assert_eq!(percentiles(&mut values), (2, 997));
        assert_eq!(percentiles(&mut [5, 1, 9]), (1, 9));
        assert_eq!(percentiles(&mut [7]), (7, 7));
        assert_eq!(percentiles(&mut []), (0, 0));
    }

    #[test]
    fn the_first_picture_has_its_own_window_at_once() {
        for wanted in [(100, 400), (100, 2500), (0, 4095)] {
            assert_eq!(Window::new().follow(wanted, TWELVE, at(0)), wanted);
        }
    }

    #[test]
    fn noise_does_not_move_the_window() {
        let mut window = Window::new();
        window.follow((100, 400), TWELVE, at(0));
        for (i, wanted) in [(104, 390), (97, 412), (110, 405)].into_iter().enumerate() {
            assert_eq!(window.follow(wanted, TWELVE, at(50 * i as u64)), (100, 400));
        }
    }

    #[test]
    fn a_drift_is_followed_without_a_jump() {
        let mut window = Window::new();
        window.follow((100, 400), TWELVE, at(0));
        let mut before = (100, 400);
        for step in 1..60 {
            let now = window.follow((160, 460), TWELVE, at(step * 50));
            assert!(
                now.0 >= before.0 && now.0.abs_diff(before.0) <= 6,
                "{before:?} {now:?}"
            );
            before = now;
        }
        // It comes to rest once it is near enough.
        assert!((145..=160).contains(&before.0), "{before:?}");
        assert_eq!(window.follow((160, 460), TWELVE, at(3_000)), before);
    }

    #[test]
    fn a_change_of_scene_is_followed_at_once() {
        let mut window = Window::new();
        window.follow((100, 400), TWELVE, at(0));
        assert_eq!(window.follow((100, 3000), TWELVE, at(50)), (100, 3000));
        assert_eq!(window.follow((100, 400), TWELVE, at(100)), (100, 400));
    }

    #[test]
    fn an_empty_picture_is_not_blown_up() {
        let cases = [
            ((0, 0), TWELVE, (0, 16)),
            ((200, 204), TWELVE, (194, 210)),
            ((4095, 4095), TWELVE, (4079, 4095)),
            ((65_535, 65_535), Scale::from_bits(16), (65_279, 65_535)),
            ((0xff00, 0xff00), Scale::BYTES, (0xf700, 0xff00)),
            ((3, 3), Scale::from_bits(1), (0, 1)),
            ((0, 1000), Scale::from_bits(10), (0, 1000)),
        ];
        for (wanted, scale, want) in cases {
            let got = Window::new().follow(wanted, scale, at(0));
            assert_eq!(got, want, "{wanted:?} of {scale:?}");
        }
    }

    #[test]
    fn the_noise_of_an_empty_picture_does_not_make_it_flicker() {
        let mut window = Window::new();
        let mut before = window.follow((100, 104), TWELVE, at(0));
        for (i, wanted) in [(98, 125), (103, 106), (90, 104), (101, 118)]
            .into_iter()
            .enumerate()
        {
            let now = window.follow(wanted, TWELVE, at(50 * (i as u64 + 1)));
            let moved = now.0.abs_diff(before.0).max(now.1.abs_diff(before.1));
            assert!(moved <= 2, "{before:?} {now:?}");
            before = now;
        }
    }

    #[test]
    fn a_clock_that_goes_back_does_no_harm() {
        let mut window = Window::new();
        window.follow((100, 400), TWELVE, at(9_000));
        assert_eq!(window.follow((160, 460), TWELVE, at(0)), (100, 400));
    }
}
