use super::*;
use crate::protocol::flamingo::limits::{LimitError, Widening};

const TEXT: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/flamingo/settings.txt"
));

fn interval(min: f64, max: f64) -> Option<Interval> {
    Some(Interval::new(min, max).unwrap())
}

fn read(text: &str) -> Settings {
    Settings::read(&Document::parse(text.as_bytes()))
}

#[test]
fn the_example_instrument_is_read() {
    let settings = read(TEXT);
    assert_eq!(settings.doubts, []);
    let x = settings.axis(Axis::X);
    assert_eq!(x.soft, interval(1.0, 15.0));
    assert_eq!(x.hard, interval(0.0, 26.0));
    assert_eq!((x.home, x.default_velocity), (Some(8.0), Some(1.0)));
    assert_eq!(settings.axis(Axis::R).allowed(), interval(-720.0, 720.0));
    let limits = settings.limits();
    assert_eq!(limits.check(Axis::X, 15.0), Ok(()));
    assert_eq!(
        limits.check(Axis::X, 15.5).unwrap_err().to_string(),
        "15.5 mm is outside the limits of x; 1 to 15 mm is allowed"
    );
    assert!(limits.check(Axis::X, f64::NAN).is_err());
    let lasers: Vec<(i32, Option<u32>)> = settings
        .lasers
        .iter()
        .map(|name| (name.laser.number(), name.wavelength_nm))
        .collect();
    assert_eq!(
        lasers,
        [
            (1, Some(405)),
            (2, Some(488)),
            (3, Some(561)),
            (4, Some(640))
        ]
    );
    assert_eq!(settings.lasers[0].name.as_str(), "Laser 1 1: 405 nm MLE");
}

#[test]
fn an_axis_whose_limits_are_in_doubt_may_not_be_moved() {
    // (changed in the text, into, axis, what is said)
    let cases = [
        (
            "    Soft limit max y-axis = 25.0\n",
            "",
            Axis::Y,
            "\"Soft limit max y-axis\" is missing; y may not be moved",
        ),
        (
            "Soft limit max z-axis = 25.0",
            "Soft limit max z-axis = 25,0",
            Axis::Z,
            "\"Soft limit max z-axis\" is \"25,0\", not a number",
        ),
        (
            "Soft limit max x-axis = 15.0",
            "Soft limit max x-axis = -15.0",
            Axis::X,
            "the soft limits of x run from 1 to -15; x may not be moved",
        ),
    ];
    for (from, into, axis, want) in cases {
        assert!(TEXT.contains(from), "{from}");
        let settings = read(&TEXT.replace(from, into));
        let said: Vec<String> = settings.doubts.iter().map(Doubt::to_string).collect();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].ends_with(want), "{said:?}");
        assert_eq!(settings.axis(axis).allowed(), None);
        assert_eq!(
            settings.limits().check(axis, 12.0),
            Err(LimitError::Unknown { axis })
        );
        let others = Axis::ALL.into_iter().filter(|other| *other != axis);
        assert!(
            others
                .into_iter()
                .all(|other| settings.axis(other).soft.is_some())
        );
    }
    let nothing = read("");
    assert_eq!(
        nothing.doubts[0].to_string(),
        "there is no <Stage limits>; nothing may be moved"
    );
    assert_eq!(nothing.limits(), StageLimits::default());
}

#[test]
fn hard_limits_narrow_soft_ones_and_do_not_replace_them() {
    let tight = read(&TEXT.replace(
        "Hard limit max x-axis = 26.0",
        "Hard limit max x-axis = 10.0",
    ));
    assert_eq!(tight.axis(Axis::X).allowed(), interval(1.0, 10.0));
    let only_hard = AxisSettings {
        hard: interval(0.0, 26.0),
        ..AxisSettings::default()
    };
    assert_eq!(only_hard.allowed(), None);
    let apart = AxisSettings {
        soft: interval(0.0, 1.0),
        hard: interval(2.0, 3.0),
        ..AxisSettings::default()
    };
    assert_eq!(apart.allowed(), None);
}

#[test]
fn a_file_that_widens_limits_is_named_axis_by_axis() {
    let limits = read(TEXT).limits();
    let mut profile = StageLimits::default();
    assert_eq!(limits.narrowed(&profile), Ok(limits));
    profile.0[0] = interval(2.0, 14.0);
    let narrowed = limits.narrowed(&profile).unwrap();
    assert_eq!(narrowed.of(Axis::X), interval(2.0, 14.0));
    assert_eq!(narrowed.of(Axis::Y), limits.of(Axis::Y));

    profile.0[1] = interval(4.0, 26.0);
    profile.0[2] = interval(11.0, 25.5);
    let said: Vec<String> = limits
        .narrowed(&profile)
        .unwrap_err()
        .iter()
        .map(Widening::to_string)
        .collect();
    assert_eq!(
        said,
        [
            "y would be allowed down to 4 instead of 5 and up to 26 instead of 25 mm",
            "z would be allowed up to 25.5 instead of 25 mm",
        ]
    );
    let unknown = StageLimits::default();
    let said = unknown.widened_by(&limits)[3].to_string();
    assert_eq!(
        said,
        "r would be allowed -720 to 720 ° where no limits are known"
    );
}

#[test]
fn lasers_are_known_by_their_keys() {
    let cases = [
        ("Laser 1 1: 405 nm MLE", Some((1, Some(405)))),
        ("Laser 3 488 nm", Some((3, Some(488)))),
        ("Laser 4: 640 nm", Some((4, Some(640)))),
        ("Laser 2", Some((2, None))),
        ("Laser 5", None),
        ("Laser power", None),
        ("LED selection", None),
    ];
    for (key, want) in cases {
        let found = laser_name(key).map(|name| (name.laser.number(), name.wavelength_nm));
        assert_eq!(found, want, "{key}");
    }
}

#[test]
fn a_wavelength_may_stand_behind_the_key() {
    let text = "<Filter>\n Laser 1 = 3\n</Filter>\n<Laser parameters>\n Laser 1 wave length (nm) = 405\n Laser 1 max power (mw) = 20\n Laser 2 wave length (nm) = 0\n</Laser parameters>\n";
    let found = Settings::read(&Document::parse(text.as_bytes())).lasers;
    let found: Vec<_> = found
        .iter()
        .map(|name| (name.laser.number(), name.wavelength_nm))
        .collect();
    assert_eq!(found, [(1, Some(405)), (2, None)]);
}
