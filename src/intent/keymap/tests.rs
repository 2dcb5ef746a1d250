use super::*;

fn press(keymap: &Keymap, keys: &str, context: Context) -> Lookup {
    let keys: KeySequence = keys.parse().unwrap();
    keymap.look_up(keys.chords(), context)
}

#[test]
fn the_defaults_fit_together() {
    let keymap = Keymap::from_bindings([]).unwrap();
    assert_eq!(keymap, Keymap::default());
    for action in Action::ALL {
        for key in action.default_keys() {
            for context in action.contexts() {
                assert_eq!(
                    press(&keymap, key, *context),
                    Lookup::Action(*action),
                    "{key}"
                );
            }
        }
    }
    assert_eq!(press(&keymap, "g", Context::Scope), Lookup::Pending);
    assert_eq!(press(&keymap, "ctrl-g", Context::Scope), Lookup::Unbound);
    assert_eq!(
        press(&keymap, "s", Context::Journal),
        Lookup::Action(Action::Severity)
    );
    assert_eq!(press(&keymap, "s", Context::Pipeline), Lookup::Unbound);
}

#[test]
fn a_change_replaces_the_defaults_of_its_action() {
    let keymap = Keymap::from_bindings([("freeze", "F5"), ("freeze", "ctrl-f")]).unwrap();
    let shown: Vec<String> = keymap.keys(Action::Freeze).map(|k| k.to_string()).collect();
    assert_eq!(shown, ["F5", "ctrl-f"]);
    assert_eq!(press(&keymap, "f", Context::Scope), Lookup::Unbound);
}

#[test]
fn mistakes_say_what_to_write() {
    let cases: [(&[(&str, &str)], &str); 6] = [
        (
            &[("freze", "f")],
            "keys: there is no action \"freze\"; did you mean \"freeze\"?",
        ),
        (
            &[("freeze", "spc")],
            "keys: freeze = \"spc\": \"spc\" is not a key; write a character such as \"f\" or \
             \"G\", a name such as \"space\", \"enter\", \"pgdn\" or \"F5\", with \"ctrl-\" or \
             \"alt-\" before it if needed",
        ),
        (
            &[("freeze", "/")],
            "keys: \"/\" would be both \"filter\" and \"freeze\" on the scope screen; give one \
             of them another key, or \"none\"",
        ),
        (
            &[("freeze", "g")],
            "keys: \"g\" would be both \"freeze\" and \"top\" on the overview screen; give one \
             of them another key, or \"none\"",
        ),
        (
            &[("quit", "none")],
            "keys: quit = \"none\": \"quit\" needs a key; write one, e.g. \"q\"",
        ),
        (
            &[("sort", "")],
            "keys: sort = \"\": \"\" is not a key; write a character such as \"f\" or \"G\", a \
             name such as \"space\", \"enter\", \"pgdn\" or \"F5\", with \"ctrl-\" or \"alt-\" \
             before it if needed",
        ),
    ];
    for (changes, sentence) in cases {
        let error = Keymap::from_bindings(changes.iter().copied()).unwrap_err();
        assert_eq!(error.to_string(), sentence);
    }
}

#[test]
fn no_configuration_takes_the_stop_away() {
    let cases: [(&[(&str, &str)], &str); 9] = [
        (
            &[("stop", "none")],
            "keys: stop without ctrl-x: ctrl-x always stops; write stop = \"ctrl-x\"",
        ),
        (
            &[("stop", "F12"), ("stop", "s")],
            "keys: stop without ctrl-x: ctrl-x always stops; write stop = [\"ctrl-x\", \
             \"F12\", \"s\"]",
        ),
        (
            &[("stop", "ctrl-alt-x")],
            "keys: stop without ctrl-x: ctrl-x always stops; write stop = [\"ctrl-x\", \
             \"ctrl-alt-x\"]",
        ),
        (
            &[("freeze", "ctrl-x")],
            "keys: freeze = \"ctrl-x\": ctrl-x always stops; give \"freeze\" another key",
        ),
        (
            &[("freeze", "ctrl-alt-x")],
            "keys: freeze = \"ctrl-alt-x\": ctrl-x always stops; give \"freeze\" another key",
        ),
        (
            &[("freeze", "z ctrl-x")],
            "keys: freeze = \"z ctrl-x\": ctrl-x always stops; give \"freeze\" another key",
        ),
        (
            &[("stop", "ctrl-x"), ("stop", "gg")],
            "keys: stop = \"gg\": a stop is one press; write a single key, e.g. \"F12\"",
        ),
        (
            &[("freeze", "space")],
            "keys: \"space\" would be both \"stop\" and \"freeze\" on the overview screen; \
             give one of them another key, or \"none\"",
        ),
        (
            &[("fire", "enter")],
            "keys: fire = \"enter\": Enter arms and must not fire; write another key, e.g. \
             \"!\"",
        ),
    ];
    for (changes, sentence) in cases {
        let error = Keymap::from_bindings(changes.iter().copied()).unwrap_err();
        assert_eq!(error.to_string(), sentence);
        assert!(changes.iter().any(|(action, _)| error.concerns(action)));
    }
}

#[test]
fn a_stop_is_heard_wherever_the_hands_are() {
    let chord = |text: &str| text.parse::<KeyChord>().unwrap();
    let changes = [("stop", "F12"), ("stop", "ctrl-x"), ("stop", "u")];
    let keymaps = [
        Keymap::default(),
        Keymap::from_bindings(changes).unwrap(),
        Keymap::from_bindings([("stop", "ctrl-x")]).unwrap(),
    ];
    let cases = [
        // (key, while text is typed, on a screen; for each keymap)
        ("ctrl-x", [true; 3], [true; 3]),
        ("ctrl-alt-x", [true; 3], [true; 3]),
        ("space", [false; 3], [true, false, false]),
        ("F12", [false, true, false], [false, true, false]),
        ("u", [false; 3], [false, true, false]),
        ("x", [false; 3], [false; 3]),
    ];
    for (key, typing, on_screen) in cases {
        for (index, keymap) in keymaps.iter().enumerate() {
            let keys = keymap.stop_keys();
            assert_eq!(keys.stops(chord(key), true), typing[index], "{key} {index}");
            assert_eq!(
                keys.stops(chord(key), false),
                on_screen[index],
                "{key} {index}"
            );
        }
    }
    let shifted = KeyChord::ctrl('X');
    assert!(keymaps[2].stop_keys().stops(shifted, true));
    let half_typed = [chord("g"), chord("ctrl-alt-x")];
    for context in Context::ALL {
        let found = keymaps[2].look_up(&half_typed, context);
        assert_eq!(found, Lookup::Action(Action::Stop));
    }
}

#[test]
fn in_jog_mode_the_keys_of_the_screen_move_the_stage() {
    let keymap = Keymap::default();
    for (key, action) in [
        ("h", Action::JogLeft),
        ("right", Action::JogRight),
        ("j", Action::JogDown),
        ("up", Action::JogUp),
        ("pgdn", Action::JogIn),
        ("o", Action::JogOut),
        ("{", Action::JogTurnLeft),
        ("+", Action::StepUp),
        ("J", Action::Jog),
        ("esc", Action::Back),
        ("space", Action::Stop),
        ("!", Action::Fire),
    ] {
        let found = press(&keymap, key, Context::Jog);
        assert_eq!(found, Lookup::Action(action), "{key}");
    }
    for key in ["G", "g", "ctrl-d", "n", "enter", "home"] {
        assert_eq!(press(&keymap, key, Context::Jog), Lookup::Unbound, "{key}");
    }
}

#[test]
fn a_key_may_mean_different_things_on_different_screens() {
    assert!(Keymap::from_bindings([("sort", "u"), ("severity", "u")]).is_ok());
}
