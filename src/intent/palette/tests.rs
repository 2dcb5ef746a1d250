//! Lines and what they mean.

mod properties;

use super::*;
use crate::model::{
    Axis, Camera, CameraControl, Choice, Command, CommandKind, ControlAccess, ControlKind, Danger,
    Instrument, Light, Limits, Motion, Quantity, Target, Unit,
};

fn axis(name: &str, unit: Unit, limits: Option<Limits>) -> Axis {
    Axis {
        name: name.into(),
        unit,
        position: None,
        target: None,
        limits,
        motion: Motion::Settled,
    }
}

fn light(name: &str, unit: Unit) -> Light {
    Light {
        name: name.into(),
        label: name.into(),
        level: None,
        unit,
        range: None,
        on: None,
        evidence: Default::default(),
    }
}

fn camera(name: &str) -> Camera {
    Camera {
        name: name.into(),
        exposure_ms: None,
        exposure_range_ms: None,
        gain: None,
        gain_range: None,
        streaming: None,
        controls: Vec::new(),
    }
}

/// A camera with controls.
fn eye() -> Camera {
    let control = |name: &str, kind, choices: &[&str]| CameraControl {
        name: name.into(),
        label: name.into(),
        kind,
        value: None,
        unit: "".into(),
        range: Limits::new(0.0, 255.0).filter(|_| kind == ControlKind::Number),
        step: None,
        default: None,
        choices: choices
            .iter()
            .map(|name| Choice {
                value: 0.0,
                name: (*name).into(),
            })
            .collect(),
        access: ControlAccess::Free,
    };
    Camera {
        controls: vec![
            control("focus", ControlKind::Number, &[]),
            control("auto-focus", ControlKind::Switch, &[]),
            control("power-line", ControlKind::Choice, &["50 Hz", "60 Hz"]),
            control("reset", ControlKind::Press, &[]),
        ],
        ..camera("Widefield Camera")
    }
}

/// Two microscopes; `scope` is the one that the screen is about.
fn vocabulary() -> Vocabulary {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect();
    let scope = Instrument {
        axes: vec![
            axis("X", Unit::Millimetre, Limits::new(0.0, 25.0)),
            axis("Z", Unit::Micrometre, None),
            axis("R", Unit::Degree, None),
        ],
        lights: vec![light("488", Unit::Percent), light("LED Matrix", Unit::Raw)],
        cameras: vec![eye(), camera("2")],
        offers: CommandKind::ALL.to_vec(),
        ..Instrument::default()
    };
    let kraken = Instrument {
        axes: vec![axis("A", Unit::Raw, None)],
        offers: vec![CommandKind::Move],
        ..Instrument::default()
    };
    let instruments = [
        (
            "scope".to_owned(),
            InstrumentWords {
                state: scope.into(),
                protocols: words("jpeg binary"),
                stream_parameters: words("quality throttle_ms"),
            },
        ),
        (
            "kraken".to_owned(),
            InstrumentWords {
                state: kraken.into(),
                ..InstrumentWords::default()
            },
        ),
    ];
    Vocabulary {
        screens: words("overview scope pipeline journal"),
        sources: words("scope kraken"),
        cameras: words("WidefieldCamera FocusLock"),
        columns: words("name age change"),
        themes: words("dark light"),
        graphics: words("auto half-blocks sextants"),
        color_maps: words("grey viridis"),
        addressee: Some("scope".to_owned()),
        replay: false,
        instruments: instruments.into(),
    }
}

fn to(value: f64, unit: Unit) -> Target {
    Target::To(Quantity::new(value, unit))
}

fn by(value: f64, unit: Unit) -> Target {
    Target::By(Quantity::new(value, unit))
}

fn move_to(axis: &str, target: Target) -> Command {
    let axis = axis.into();
    Command::Move { axis, target }
}

fn set_light(light: &str, level: Option<(f64, Unit)>, on: Option<bool>) -> Command {
    Command::SetLight {
        light: light.into(),
        level: level.map(|(value, unit)| Quantity::new(value, unit)),
        on,
    }
}

fn sent(line: &str, vocabulary: &Vocabulary) -> (Option<String>, Command) {
    match parse(line, vocabulary) {
        Ok(Order::Command {
            source,
            command: CommandOrder::Send(command),
        }) => (source, command),
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn lines_and_their_meaning() {
    let save = |format, name: Option<&str>| Order::Save {
        format,
        name: name.map(str::to_owned),
    };
    let cases = [
        ("screen journal", Order::Screen("journal".into())),
        (":screen  Overview ", Order::Screen("overview".into())),
        ("record", Order::Record),
        ("stop-recording", Order::StopRecording),
        ("black-box", Order::BlackBox),
        ("filter stage X", Order::Filter("stage X".into())),
        ("filter a:b", Order::Filter("a:b".into())),
        ("filter", Order::Filter(String::new())),
        ("sort age", Order::Sort("age".into())),
        ("theme light", Order::Theme("light".into())),
        ("graphics sextants", Order::Graphics("sextants".into())),
        ("camera focuslock", Order::Camera("FocusLock".into())),
        ("freeze", Order::Freeze),
        ("save", save(None, None)),
        ("save tiff", save(Some(PictureFormat::OmeTiff), None)),
        (
            "save PNG cell 1",
            save(Some(PictureFormat::Png), Some("cell 1")),
        ),
        ("save cell-1", save(None, Some("cell-1"))),
        ("help", Order::Help),
        ("quit", Order::Quit),
        ("clear", Order::Clear),
        ("control", Order::Control { take: true }),
        ("control off", Order::Control { take: false }),
        ("stop", Order::Stop(StopLevel::Halt)),
        ("stop safe", Order::Stop(StopLevel::Safe)),
        ("kraken:stop", Order::Stop(StopLevel::Halt)),
        (
            "jog 10um",
            Order::JogStep(Quantity::new(10.0, Unit::Micrometre)),
        ),
        (
            "jog 0.5 deg",
            Order::JogStep(Quantity::new(0.5, Unit::Degree)),
        ),
    ];
    for (line, order) in cases {
        assert_eq!(parse(line, &vocabulary()), Ok(order), "{line}");
    }
}

#[test]
fn commands_and_their_meaning() {
    use Unit::*;
    let exposure = |camera: Option<&str>, value, unit| Command::SetExposure {
        camera: camera.map(Into::into),
        exposure: Quantity::new(value, unit),
    };
    let gain = |camera: Option<&str>, gain| Command::SetGain {
        camera: camera.map(Into::into),
        gain,
    };
    let set = |camera: Option<&str>, control: &str, value: &str| Command::SetControl {
        camera: camera.map(Into::into),
        control: control.into(),
        value: value.into(),
    };
    let live = |protocol: Option<&str>| Command::StartLiveView {
        protocol: protocol.map(Into::into),
    };
    let cases = [
        ("refresh", Command::Refresh),
        ("set focus 12.5", set(None, "focus", "12.5")),
        ("set Focus 3 ms", set(None, "focus", "3 ms")),
        ("set power-line 50 Hz", set(None, "power-line", "50 Hz")),
        ("set reset", set(None, "reset", "")),
        (
            "set widefield camera auto-focus off",
            set(Some("Widefield Camera"), "auto-focus", "off"),
        ),
        ("move x 1.5mm", move_to("X", to(1.5, Millimetre))),
        ("move x 1.5", move_to("X", to(1.5, Raw))),
        ("move x to -1.5 mm", move_to("X", to(-1.5, Millimetre))),
        ("move x =-1.5mm", move_to("X", to(-1.5, Millimetre))),
        ("move x=1e-3mm", move_to("X", to(0.001, Millimetre))),
        ("move z +10um", move_to("Z", by(10.0, Micrometre))),
        ("move z -10µm", move_to("Z", by(-10.0, Micrometre))),
        ("move z by 10 um", move_to("Z", by(10.0, Micrometre))),
        ("move r by -90°", move_to("R", by(-90.0, Degree))),
        ("home", Command::Home { axis: None }),
        (
            "home z",
            Command::Home {
                axis: Some("Z".into()),
            },
        ),
        ("laser 488 5%", set_light("488", Some((5.0, Percent)), None)),
        (
            "laser 488 5 % on",
            set_light("488", Some((5.0, Percent)), Some(true)),
        ),
        ("laser 488 on", set_light("488", None, Some(true))),
        (
            "led led matrix 128 off",
            set_light("LED Matrix", Some((128.0, Raw)), Some(false)),
        ),
        (
            "led LED Matrix off",
            set_light("LED Matrix", None, Some(false)),
        ),
        ("exposure 20ms", exposure(None, 20.0, Millisecond)),
        ("exposure 2 20ms", exposure(Some("2"), 20.0, Millisecond)),
        (
            "exposure widefield camera 0.5 s",
            exposure(Some("Widefield Camera"), 0.5, Second),
        ),
        ("exposure 2", exposure(None, 2.0, Raw)),
        ("gain 2", gain(None, 2.0)),
        ("gain 2 -3.5", gain(Some("2"), -3.5)),
        ("live start", live(None)),
        ("live start JPEG", live(Some("jpeg"))),
        ("live stop", Command::StopLiveView),
        (
            "stream quality {\"a\": 1}",
            Command::SetStream {
                parameter: "quality".into(),
                value: "{\"a\": 1}".into(),
            },
        ),
        ("snap", Command::Snap { name: None }),
        (
            "snap cell-1",
            Command::Snap {
                name: Some("cell-1".into()),
            },
        ),
        (
            "server-recording start night",
            Command::StartServerRecording {
                name: Some("night".into()),
            },
        ),
        ("server-recording stop", Command::StopServerRecording),
        ("workflow stop", Command::StopWorkflow),
        (
            "raw 0x4001 d0=1 buf=\"two words\" json=\"[{\"a\":1}]\" empty=",
            Command::Raw {
                call: "0x4001".into(),
                arguments: vec![
                    ("d0".into(), "1".into()),
                    ("buf".into(), "two words".into()),
                    ("json".into(), "[{\"a\":1}]".into()),
                    ("empty".into(), "".into()),
                ],
            },
        ),
    ];
    for (line, command) in cases {
        assert_eq!(sent(line, &vocabulary()), (None, command), "{line}");
    }
}

#[test]
fn a_command_goes_where_it_is_addressed() {
    let cases = [
        (
            "kraken:move a 3",
            Some("kraken"),
            move_to("A", to(3.0, Unit::Raw)),
        ),
        (":Kraken: refresh", Some("kraken"), Command::Refresh),
        ("refresh kraken", Some("kraken"), Command::Refresh),
        ("live stop kraken", Some("kraken"), Command::StopLiveView),
        (
            "live start kraken",
            Some("kraken"),
            Command::StartLiveView { protocol: None },
        ),
        ("kraken:refresh kraken", Some("kraken"), Command::Refresh),
        ("refresh", None, Command::Refresh),
    ];
    for (line, source, command) in cases {
        let expected = (source.map(str::to_owned), command);
        assert_eq!(sent(line, &vocabulary()), expected, "{line}");
    }
}

#[test]
fn files_are_named_and_not_read() {
    let workflow = |path: &str| CommandOrder::StartWorkflow { path: path.into() };
    let settings = |path: &str| CommandOrder::SaveSettings { path: path.into() };
    let cases = [
        ("workflow start /no such/file", workflow("/no such/file")),
        ("workflow start \"a b.txt\"", workflow("a b.txt")),
        ("settings save scope.txt", settings("scope.txt")),
    ];
    for (line, command) in cases {
        let source = None;
        let order = Ok(Order::Command { source, command });
        assert_eq!(parse(line, &vocabulary()), order, "{line}");
    }
}

#[test]
fn mistakes_say_what_to_write() {
    let cases = [
        (
            "qiut",
            "there is no command \"qiut\"; write screen, record,",
        ),
        (
            "rec",
            "there is no command \"rec\"; write record, refresh or reference, or press Tab",
        ),
        ("theme", "theme: which? write theme and dark or light"),
        (
            "theme dusk",
            "theme: there is no \"dusk\"; write dark or light",
        ),
        ("live on", "live: there is no \"on\"; write start or stop"),
        (
            "live stop x",
            "live: there is no \"x\"; write scope or kraken",
        ),
        (
            "live start x",
            "live: there is no \"x\"; write jpeg, binary, scope or kraken",
        ),
        ("quit now", "quit: \"now\" is too much; write quit alone"),
        (
            "nobody:move x 1",
            "there is no source \"nobody\"; write scope: or kraken:",
        ),
        (
            "scope:theme dark",
            "theme: goes to no source; write it without \"scope:\"",
        ),
        (
            "scope:refresh kraken",
            "refresh: \"kraken\" is too much; write one source alone",
        ),
        ("move", "move: which? write move and X, Z or R"),
        ("move q 1mm", "move: there is no \"q\"; write X, Z or R"),
        (
            "move x",
            "move: where to? write move X 1.5mm, or move X +1mm for a step; it may go from 0 to 25 mm",
        ),
        ("move x to", "move: where to? write move X 1.5mm, or"),
        (
            "move x 1,5mm",
            "move: \"1,5mm\" is no number; write move X 1.5mm",
        ),
        (
            "move x 1mm 2mm",
            "move: \"2mm\" is too much; write move X 1.5mm",
        ),
        ("move x 1 2", "move: \"2\" is too much; write move X 1.5mm"),
        ("move x nan", "move: \"nan\" is no number"),
        ("move x inf", "move: \"inf\" is no number"),
        (
            "move x 1e999",
            "move: 1e999 is too large to be sent; write move X 1.5mm",
        ),
        ("move x - 1mm", "move: \"-\" is no number"),
        ("move x to =1mm", "move: \"to\" is too much"),
        (
            "move x 5deg",
            "move: \"deg\" is no unit for it; write move X 1.5mm, in mm, um or nm",
        ),
        (
            "move x 5 furlongs",
            "move: \"furlongs\" is no unit for it; write move X 1.5mm, in mm, um or nm",
        ),
        (
            "home x y",
            "home: \"y\" is too much; write home X, or home for all",
        ),
        (
            "laser 5%",
            "laser: there is no \"5%\"; write 488 or LED Matrix",
        ),
        (
            "laser 488",
            "laser: how bright? write laser 488 5%, laser 488 on or laser 488 off",
        ),
        (
            "laser 488 -5%",
            "laser: -5% is less than dark; write laser 488 5%",
        ),
        (
            "laser 488 5mm",
            "laser: \"mm\" is no unit for it; write laser 488 5%",
        ),
        (
            "laser 488 5% maybe",
            "laser: \"maybe\" is too much; write laser 488 5%",
        ),
        ("laser 488 on 5%", "laser: \"on\" is no number"),
        ("exposure", "exposure: how long? write exposure 20ms"),
        (
            "exposure 20mm",
            "exposure: \"mm\" is no unit for it; write exposure 20ms, in ms, s or us",
        ),
        (
            "exposure x 20ms",
            "exposure: there is no \"x\"; write Widefield Camera or 2",
        ),
        ("gain 2dB", "gain: \"dB\" is too much; write gain 2"),
        ("set", "set: "),
        (
            "set focus",
            "set: which value? write set focus and 0 to 255",
        ),
        (
            "set power-line",
            "set: which value? write set power-line and one of 50 Hz, 60 Hz",
        ),
        (
            "set zoom 1",
            "set: there is no \"zoom\"; write focus, auto-focus, power-line or reset",
        ),
        ("gain 2 2 2", "gain: \"2\" is too much; write gain 2"),
        (
            "stream quality",
            "stream: which value? write stream quality VALUE",
        ),
        (
            "workflow",
            "workflow: which? write workflow and start or stop",
        ),
        (
            "workflow start",
            "workflow: which file? write workflow start FILE",
        ),
        (
            "workflow stop now",
            "workflow: \"now\" is too much; write workflow stop",
        ),
        ("settings", "settings: which? write settings and save"),
        ("raw", "raw: which call? write raw CALL NAME=VALUE"),
        ("raw x d0", "raw: \"d0\" is no argument; write NAME=VALUE"),
        ("raw x a=\"b", "raw: \"a=\"b\" is no argument"),
        ("jog", "jog: how far? write for example jog 10um"),
        (
            "jog 10",
            "jog: 10 of what? write for example jog 10um or jog 0.5deg",
        ),
        ("jog -1um", "jog: -1um is no size of a step; write jog 10um"),
        ("jog 0um", "jog: 0um is no size of a step"),
        (
            "stop recording",
            "stop: there is no \"recording\"; write safe",
        ),
    ];
    for (line, sentence) in cases {
        let error = parse(line, &vocabulary()).unwrap_err().to_string();
        assert!(error.starts_with(sentence), "{line}: {error}");
    }
}

#[test]
fn a_mistake_never_prints_what_a_terminal_would_obey() {
    for line in [
        "\u{1b}[2J",
        "theme \u{1b}[2J",
        "move x \u{1b}[2J",
        "raw a \u{9b}x",
    ] {
        let error = parse(line, &vocabulary()).unwrap_err().to_string();
        assert!(!error.contains(char::is_control), "{error:?}");
    }
}

#[test]
fn completion_offers_whole_lines() {
    let cases: [(&str, &[&str]); 38] = [
        ("re", &["record", "refresh ", "reference"]),
        (":re", &["record", "refresh ", "reference"]),
        ("screen p", &["screen pipeline"]),
        ("theme ", &["theme dark", "theme light"]),
        ("live ", &["live start", "live stop"]),
        ("live start k", &["live start kraken"]),
        ("live start j", &["live start jpeg"]),
        ("live stop ", &["live stop scope", "live stop kraken"]),
        ("camera wide", &["camera WidefieldCamera"]),
        ("quit ", &[]),
        ("nonsense x", &[]),
        ("kr", &["kraken:"]),
        (
            "kraken:",
            &["kraken:stop ", "kraken:refresh ", "kraken:move "],
        ),
        ("kraken:m", &["kraken:move "]),
        ("nobody:m", &[]),
        ("move ", &["move X ", "move Z ", "move R "]),
        ("kraken:move ", &["kraken:move A "]),
        ("move x", &["move X "]),
        ("move x ", &[]),
        ("move x 1.5", &["move X 1.5mm", "move X 1.5um"]),
        ("move z +1.5", &["move Z +1.5um", "move Z +1.5mm"]),
        ("move x 1.5n", &["move X 1.5nm"]),
        ("move x 1.5 µ", &["move X 1.5 um"]),
        ("move x to -2", &["move X to -2mm", "move X to -2um"]),
        ("move r by 2", &["move R by 2deg"]),
        ("laser ", &["laser 488 ", "laser LED Matrix "]),
        ("laser led m", &["laser LED Matrix "]),
        ("laser 488 ", &["laser 488 on", "laser 488 off"]),
        ("laser 488 5", &["laser 488 5%"]),
        ("laser 488 5% o", &["laser 488 5% on", "laser 488 5% off"]),
        ("exposure 20m", &["exposure 20ms"]),
        (
            "exposure 2",
            &["exposure 2 ", "exposure 2ms", "exposure 2s", "exposure 2us"],
        ),
        ("set f", &["set focus "]),
        (
            "set auto-focus o",
            &["set auto-focus on", "set auto-focus off"],
        ),
        ("set power-line 6", &["set power-line 60 Hz"]),
        ("set widefield camera r", &["set Widefield Camera reset "]),
        ("stream q", &["stream quality "]),
        ("jog 10", &["jog 10mm", "jog 10um", "jog 10deg"]),
    ];
    for (line, offered) in cases {
        assert_eq!(completions(line, &vocabulary()), offered, "{line}");
    }
}

#[test]
fn what_an_instrument_does_not_offer_is_hidden() {
    let mut vocabulary = vocabulary();
    let first_words = |vocabulary: &Vocabulary| -> Vec<String> {
        let lines = completions("", vocabulary);
        lines.iter().map(|line| line.trim().to_owned()).collect()
    };
    let shown = VERBS.iter().filter(|verb| !verb.is_of_replay());
    assert_eq!(first_words(&vocabulary).len(), shown.count() + 2);
    vocabulary.addressee = Some("kraken".to_owned());
    let words = first_words(&vocabulary);
    for (word, is_shown) in [
        ("move", true),
        ("jog", true),
        ("stop", true),
        ("clear", true),
        ("refresh", true),
        ("laser", false),
        ("led", false),
        ("live", false),
        ("raw", false),
    ] {
        assert_eq!(words.contains(&word.to_owned()), is_shown, "{word}");
    }
    // Of an instrument that has said nothing yet only what any source can be asked for.
    vocabulary.instruments.clear();
    let words = first_words(&vocabulary);
    assert!(words.contains(&"live".to_owned()) && !words.contains(&"move".to_owned()));
}

#[test]
fn a_preview_says_what_enter_would_do() {
    let ready = |sentence: &str, danger| Preview::Ready {
        sentence: sentence.to_owned(),
        danger,
    };
    let cases = [
        ("", Preview::Empty),
        (" : ", Preview::Empty),
        ("freeze", ready("hold the screen, or let it go on", None)),
        ("save", ready("save the picture shown", None)),
        (
            "save png cell 1",
            ready("save the picture shown as png, named cell 1", None),
        ),
        (
            "move x 1.5",
            ready("scope: move X to 1.5 mm", Some(Danger::Move)),
        ),
        (
            "kraken:move a -1",
            ready("kraken: move A by -1", Some(Danger::Move)),
        ),
        (
            "laser 488 5",
            ready(
                "scope: laser 488 5 %; fires only after arming",
                Some(Danger::Emit),
            ),
        ),
        (
            "laser 488 off",
            ready("scope: laser 488 off", Some(Danger::Observe)),
        ),
        (
            "exposure 20",
            ready("scope: exposure 20 ms", Some(Danger::Observe)),
        ),
        (
            "settings save a.txt",
            ready(
                "scope: settings save a.txt; fires only after arming",
                Some(Danger::Destructive),
            ),
        ),
        (
            "theme",
            Preview::Unfinished("theme: which? write theme and dark or light".into()),
        ),
        (
            "theme da",
            Preview::Unfinished("theme: there is no \"da\"; write dark or light".into()),
        ),
        (
            "theme dusk",
            Preview::Wrong("theme: there is no \"dusk\"; write dark or light".into()),
        ),
    ];
    for (line, expected) in cases {
        assert_eq!(preview(line, &vocabulary()), expected, "{line}");
    }
    let mut alone = vocabulary();
    alone.sources.truncate(1);
    let expected = ready("move X to 1.5 mm", Some(Danger::Move));
    assert_eq!(preview("move x 1.5mm", &alone), expected);
}
