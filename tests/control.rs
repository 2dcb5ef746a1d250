//! Commands from the keyboard, as far as the app decides: what it asks to be sent, and when.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/screens.rs"]
mod screens;

use std::sync::Arc;

use screens::{Doing, LIGHTSHEET, SCOPE, Scene, at};
use ttyscope::app::{Effect, Event};
use ttyscope::control::StopBoard;
use ttyscope::model::{
    Clock, Command, CommandId, CommandReport, CommandState, Payload, Quantity, Request, SourceId,
    StopOrigin, Target, Unit,
};

/// The settled microscope and light sheet on the scope screen.
fn scene(keys: &str) -> Scene {
    let mut scene = Scene::with_instruments(Doing::ALL[0], (120, 36));
    scene.effects.clear();
    scene.press(keys);
    scene
        .effects
        .retain(|effect| !matches!(effect, Effect::Watch(_)));
    scene
}

/// The commands that were asked to be sent.
fn sent(scene: &Scene) -> Vec<(SourceId, String)> {
    scene
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Send(source, request) => Some((*source, request.command.to_string())),
            _ => None,
        })
        .collect()
}

/// The terminal takes a picture, and somebody reads it.
fn read(scene: &mut Scene) {
    scene.app.drawn();
    scene.now_ms += 20;
    scene.app.seen(at(scene.now_ms));
    scene.now_ms += 600;
}

fn report(scene: &mut Scene, id: u64, state: CommandState, is_final: bool) {
    let request = scene
        .effects
        .iter()
        .find_map(|effect| match effect {
            Effect::Send(source, request) if request.id == CommandId(id) => {
                Some((*source, request.clone()))
            }
            _ => None,
        })
        .unwrap();
    let (
        source,
        Request {
            command, operator, ..
        },
    ) = request;
    let payload = Payload::Command(Arc::new(CommandReport {
        id: CommandId(id),
        command: command.to_string().into(),
        kind: command.kind(),
        danger: command.danger(),
        operator,
        state,
        is_final,
        detail: None,
        axis: None,
        before: Vec::new(),
        after: Vec::new(),
    }));
    scene.sample(scene.now_ms, source, payload);
}

#[test]
fn read_only_asks_for_nothing_but_a_look() {
    for keys in [
        ": 'move X 1mm' enter",
        ": 'laser 488 off' enter",
        ": 'live stop' enter",
        ": 'snap' enter",
        ": 'home' enter",
        ": 'jog 10um' enter l l",
        "J l l",
        "L",
        "!",
    ] {
        assert_eq!(sent(&scene(keys)), [], "{keys}");
    }
    assert_eq!(sent(&scene("r")), [(SCOPE, "refresh".to_owned())]);
    let text = scene(": 'move X 1mm' enter").text();
    assert!(
        text.contains("read-only; `:control` takes control"),
        "{text}"
    );
}

#[test]
fn with_control_what_is_allowed_is_sent_at_once() {
    let cases = [
        ("'move X 1mm'", vec!["move X to 1 mm"]),
        ("'move x +10um'", vec!["move X by +10 um"]),
        ("'move X 26mm'", vec![]),
        ("'move Q 1mm'", vec![]),
        ("'move X 1deg'", vec![]),
        ("'laser 488 off'", vec!["laser 488 off"]),
        ("'laser 488 101%'", vec![]),
        ("'exposure 20ms'", vec!["exposure 20 ms"]),
        ("'exposure 2s'", vec![]),
        ("'snap'", vec!["snap"]),
        ("'live stop'", vec!["live stop"]),
    ];
    for (line, expected) in cases {
        let scene = scene(&format!(": 'control' enter : {line} enter"));
        let sent: Vec<String> = sent(&scene).into_iter().map(|(_, words)| words).collect();
        assert_eq!(sent, expected, "{line}");
    }
    let scene = scene(": 'control' enter : 'control off' enter : 'snap' enter");
    assert_eq!(sent(&scene), []);
}

#[test]
fn light_is_fired_by_a_key_of_its_own_after_it_could_be_read() {
    let mut scene = scene(": 'control' enter : 'laser 488 5% on' enter");
    assert!(scene.text().contains("ARMED"), "{}", scene.text());
    scene.press("enter enter y f !");
    assert_eq!(sent(&scene), [], "nobody has seen it yet");
    scene.app.drawn();
    scene.press("!");
    assert_eq!(sent(&scene), [], "the terminal has not taken the picture");
    scene.app.seen(at(scene.now_ms));
    scene.now_ms += 499;
    scene.press("!");
    assert_eq!(sent(&scene), [], "nobody reads so quickly");
    scene.now_ms += 1;
    scene.press("enter");
    assert_eq!(sent(&scene), [], "Enter never fires");
    scene.press("!");
    assert_eq!(sent(&scene), [(SCOPE, "laser 488 5 % on".to_owned())]);
    scene.press("!");
    assert_eq!(sent(&scene).len(), 1, "once");
}

#[test]
fn a_key_that_waited_in_a_queue_counts_by_when_it_was_pressed() {
    let mut scene = scene(": 'control' enter : 'laser 488 on' enter");
    let typed_ahead = at(scene.now_ms);
    read(&mut scene);
    let chord = "!".parse().unwrap();
    let pressed = typed_ahead;
    scene.event(scene.now_ms, Event::Key { chord, pressed });
    assert_eq!(sent(&scene), []);
    scene.press("!");
    assert_eq!(sent(&scene).len(), 1);
}

#[test]
fn what_is_armed_does_not_stay_so() {
    let armed = |then: &dyn Fn(&mut Scene)| {
        let mut scene = scene(": 'control' enter : 'home' enter");
        read(&mut scene);
        then(&mut scene);
        scene.press("!");
        sent(&scene)
    };
    assert_eq!(armed(&|_| {}), [(SCOPE, "home".to_owned())]);
    assert_eq!(armed(&|scene| scene.press("esc")), []);
    assert_eq!(armed(&|scene| scene.now_ms += 10_000), []);
    assert_eq!(
        armed(&|scene| {
            let board = StopBoard::new(Clock::manual(0), 1);
            board.press(StopOrigin::Key);
            scene.event(scene.now_ms, Event::Stop(board.latch()));
        }),
        []
    );
    // On a screen of one line nobody can have read it.
    let mut tiny = scene(": 'control' enter : 'home' enter");
    tiny.event(tiny.now_ms, Event::Resize { cols: 19, rows: 4 });
    read(&mut tiny);
    tiny.press("!");
    assert_eq!(sent(&tiny), []);
}

#[test]
fn a_stop_that_holds_lets_only_what_calms_pass() {
    let board = StopBoard::new(Clock::manual(0), 1);
    board.press(StopOrigin::Key);
    let mut scene = scene(": 'control' enter");
    scene.event(scene.now_ms, Event::Stop(board.latch()));
    scene.press(": 'move X 1mm' enter esc : 'laser 488 off' enter");
    assert_eq!(sent(&scene), [(SCOPE, "laser 488 off".to_owned())]);
    scene.press(": 'clear' enter");
    assert!(scene.effects.contains(&Effect::ClearStop));
    board.clear(board.number());
    scene.event(scene.now_ms, Event::Stop(board.latch()));
    scene.press(": 'move X 1mm' enter");
    assert_eq!(sent(&scene).len(), 2);
}

#[test]
fn one_step_of_an_axis_is_on_its_way_at_a_time() {
    let mut scene = scene(": 'control' enter J l l l k");
    let step = |axis: &str| (SCOPE, format!("move {axis} by +10 um"));
    assert_eq!(
        sent(&scene),
        [step("X"), step("Y")],
        "the held key is not queued"
    );
    report(&mut scene, 1, CommandState::Acknowledged, false);
    scene.press("l");
    report(&mut scene, 1, CommandState::Unknown, false);
    scene.press("l");
    assert_eq!(sent(&scene).len(), 2, "unknown is not done");
    report(&mut scene, 1, CommandState::Done, true);
    scene.press("l l");
    assert_eq!(sent(&scene).len(), 3);
    scene.press("+ j");
    assert_eq!(sent(&scene).len(), 3, "the other axis is still on its way");
    report(&mut scene, 2, CommandState::Done, true);
    scene.press("j");
    assert_eq!(sent(&scene).last().unwrap().1, "move Y by -100 um");
    // Esc leaves the mode; the same keys move about on the screen again.
    scene.press("esc l");
    assert_eq!(sent(&scene).len(), 4);
}

#[test]
fn a_held_screen_moves_nothing() {
    let scene = scene(": 'control' enter f : 'move X 1mm' enter");
    assert_eq!(sent(&scene), []);
    assert!(
        scene.text().contains("the screen is held"),
        "{}",
        scene.text()
    );
}

#[test]
fn another_source_is_asked_by_its_name() {
    let scene = scene(": 'control' enter : 'lightsheet:move x 1mm' enter");
    let Some(Effect::Send(source, request)) = scene.effects.last() else {
        panic!("{:?}", scene.effects);
    };
    let target = Target::To(Quantity::new(1.0, Unit::Millimetre));
    let axis = "x".into();
    assert_eq!(
        (*source, &request.command),
        (LIGHTSHEET, &Command::Move { axis, target })
    );
    assert_eq!(
        (request.id, request.operator.as_str()),
        (CommandId(1), "ada")
    );
}
