//! What holds for any text and any command.

use proptest::prelude::*;

use super::*;

fn name() -> impl Strategy<Value = String> {
    "[A-Za-z][A-Za-z0-9_-]{0,8}"
}

fn optional_name() -> impl Strategy<Value = Option<crate::model::PlainText>> {
    prop::option::of(name().prop_map(Into::into))
}

/// Any number that can be sent; there is one zero.
fn number() -> impl Strategy<Value = f64> {
    use prop::num::f64::{NORMAL, SUBNORMAL, ZERO};
    prop_oneof![NORMAL | SUBNORMAL | ZERO, (-1e6..1e6)].prop_map(|value| value + 0.0)
}

fn quantity(units: &'static [Unit]) -> impl Strategy<Value = Quantity> {
    (number(), prop::sample::select(units)).prop_map(|(value, unit)| Quantity::new(value, unit))
}

fn any_command() -> impl Strategy<Value = Command> {
    const DISTANCES: &[Unit] = &[
        Unit::Millimetre,
        Unit::Micrometre,
        Unit::Nanometre,
        Unit::Degree,
        Unit::Raw,
    ];
    const TIMES: &[Unit] = &[
        Unit::Second,
        Unit::Millisecond,
        Unit::Microsecond,
        Unit::Raw,
    ];
    let level = prop::option::of(quantity(&[Unit::Percent, Unit::Raw]));
    prop_oneof![
        (name(), quantity(DISTANCES), any::<bool>()).prop_map(|(axis, quantity, is_step)| {
            let target = match is_step {
                true => Target::By(quantity),
                false => Target::To(quantity),
            };
            move_to(&axis, target)
        }),
        optional_name().prop_map(|axis| Command::Home { axis }),
        (name(), level, prop::option::of(any::<bool>()))
            .prop_filter("nothing to set", |(_, level, on)| level.is_some()
                || on.is_some())
            .prop_map(|(light, level, on)| Command::SetLight {
                light: light.into(),
                level: level.map(|level| Quantity::new(level.value.abs(), level.unit)),
                on,
            }),
        (optional_name(), quantity(TIMES))
            .prop_map(|(camera, exposure)| Command::SetExposure { camera, exposure }),
        (optional_name(), number()).prop_map(|(camera, gain)| Command::SetGain { camera, gain }),
        (name(), "[a-z0-9]{1,8}").prop_map(|(control, value)| Command::SetControl {
            camera: None,
            control: control.into(),
            value: value.into(),
        }),
        optional_name().prop_map(|protocol| Command::StartLiveView { protocol }),
        (name(), "[a-z0-9{}\":,]{1,12}").prop_map(|(parameter, value)| Command::SetStream {
            parameter: parameter.into(),
            value: value.into(),
        }),
        optional_name().prop_map(|name| Command::Snap { name }),
        optional_name().prop_map(|name| Command::StartServerRecording { name }),
        (
            name(),
            prop::collection::vec((name(), "[a-z0-9./=-]{0,8}"), 0..4)
        )
            .prop_map(|(call, arguments)| Command::Raw {
                call: call.into(),
                arguments: arguments
                    .into_iter()
                    .map(|(name, value)| (name.into(), value.into()))
                    .collect(),
            }),
        prop::sample::select(vec![
            Command::Refresh,
            Command::StopLiveView,
            Command::StopServerRecording,
            Command::StopWorkflow,
        ]),
    ]
}

/// Pieces that lines are made of, in any order, so that the deeper rules are reached.
fn any_line() -> impl Strategy<Value = String> {
    let verbs: Vec<&str> = VERBS.iter().map(|verb| verb.name).collect();
    let piece = prop_oneof![
        prop::sample::select(verbs).prop_map(str::to_owned),
        prop::sample::select(vec![
            " ",
            ":",
            "=",
            "\"",
            "+",
            "-",
            ".",
            "%",
            "µ",
            "°",
            "to",
            "by",
            "x",
            "488",
            "led matrix",
            "kraken",
            "on",
            "off",
            "start",
            "stop",
            "1.5",
            "1e5",
            "1,5",
            "move x ",
            "laser 488 ",
            "exposure ",
            "mm",
            "um",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,3}",
    ];
    let assembled = prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.join(""));
    prop_oneof![any::<String>(), assembled]
}

proptest! {
    #[test]
    fn no_text_breaks_the_palette(line in any_line()) {
        for vocabulary in [vocabulary(), Vocabulary::default()] {
            let parsed = parse(&line, &vocabulary);
            for offer in completions(&line, &vocabulary) {
                // An offer is a line that goes on as typed or in its own spelling.
                prop_assert!(!offer.trim().is_empty());
            }
            let seen = preview(&line, &vocabulary);
            prop_assert_eq!(parsed.is_ok(), matches!(seen, Preview::Ready { .. }));
        }
    }

    #[test]
    fn a_command_reads_back_as_it_is_written(command in any_command()) {
        let line = command.to_string();
        let (source, read) = sent(&line, &Vocabulary::default());
        prop_assert_eq!((source, read), (None, command), "{}", line);
    }

    #[test]
    fn what_a_line_means_can_be_typed_as_it_is_shown(line in any_line()) {
        let Ok(Order::Command { command: CommandOrder::Send(command), source }) =
            parse(&line, &vocabulary())
        else {
            return Ok(());
        };
        // Quotes around values are not shown.
        if !matches!(command, Command::Raw { .. }) {
            let source_name = source.as_deref().unwrap_or("scope");
            let shown = format!("{source_name}:{command}");
            let expected = (Some(source_name.to_owned()), command);
            prop_assert_eq!(sent(&shown, &vocabulary()), expected, "{}", line);
        }
    }
}
