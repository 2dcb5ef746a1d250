//! The scope screen over real pictures: looked at in every way, at every size, in every state.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/screens.rs"]
mod screens;

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use ratatui::buffer::{Buffer, CellWidth};
use ratatui::style::Color;
use screens::{SCOPE, Scene, State, at};
use ttyscope::app::{Effect, Event};
use ttyscope::imaging::{
    ColorMap, Contrast, Gauge, Layout, Measurer, PictureMaker, PictureRequest, Raster, Roi,
    Segment, View,
};
use ttyscope::intent::{Mouse, MouseButton, MouseDeed};
use ttyscope::model::{Clock, Compression, FaultKind, Frame, FrameEncoding, LinkState, Payload};
use ttyscope::pipeline::PipelineSnapshot;

const SIZES: [(u16, u16); 3] = [(80, 24), (100, 30), (160, 48)];
const FRAME: (u32, u32) = (320, 240);
const CAMERA: &str = "WidefieldCamera";
const SECOND: &str = "FocusLock";

/// What the cameras see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    /// Two cells on an uneven ground, in 12 bits.
    Cells,
    /// The same, so bright that a part of it is lost.
    Saturated,
    /// A closed shutter.
    Black,
    /// From 0 at the left to 4 095 at the right.
    Ramp,
}

impl Subject {
    fn value(self, x: u32, y: u32) -> u16 {
        let (x, y) = (f64::from(x) / 320.0, f64::from(y) / 240.0);
        let spot = |at: (f64, f64), size: f64| {
            (-((x - at.0).powi(2) + (y - at.1).powi(2)) / size.powi(2)).exp()
        };
        let cells = 110.0
            + 200.0 * x
            + 1_900.0 * spot((0.35, 0.55), 0.18)
            + 900.0 * spot((0.32, 0.52), 0.04)
            + 1_200.0 * spot((0.75, 0.25), 0.09);
        match self {
            Self::Cells => cells as u16,
            Self::Saturated => (cells * 3.0).min(4_095.0) as u16,
            Self::Black => 0,
            Self::Ramp => (x * 4_095.0 / (319.0 / 320.0)).round() as u16,
        }
    }

    fn frame(self, detector: &str) -> Frame {
        let pixels = (0..FRAME.1).flat_map(|y| (0..FRAME.0).map(move |x| (x, y)));
        let body: Vec<u8> = pixels
            .flat_map(|(x, y)| self.value(x, y).to_le_bytes())
            .collect();
        Frame {
            detector: detector.into(),
            number: Some(81_223),
            width_px: Some(FRAME.0),
            height_px: Some(FRAME.1),
            encoding: FrameEncoding::Mono16(Compression::None),
            body: Bytes::from(body),
            pixel_size_um: Some(0.325),
            subsampling: 1,
            bit_depth: Some(12),
            device_ns: None,
            lost_before: 0,
        }
    }
}

/// The screen, and what makes its pictures.
struct Bench {
    scene: Scene,
    maker: PictureMaker,
    gauge: Gauge,
    frames: Vec<Frame>,
}

impl Bench {
    fn new(size: (u16, u16)) -> Self {
        Self::with(size, Subject::Cells, 1)
    }

    fn with(size: (u16, u16), subject: Subject, cameras: usize) -> Self {
        let scene = Scene::in_state(State::Live, size);
        let mut bench = Self {
            scene,
            maker: PictureMaker::new(),
            gauge: Gauge::new(),
            frames: [CAMERA, SECOND].map(|name| subject.frame(name)).to_vec(),
        };
        bench.tick(bench.figures(cameras));
        bench.scene.press("2");
        bench.look();
        bench
    }

    /// The usual figures, of cameras with frames of our size.
    fn figures(&self, cameras: usize) -> PipelineSnapshot {
        let mut figures = screens::figures(61_250, 25);
        let known = &mut figures.sources[0].cameras;
        known[0].size_px = Some(FRAME);
        let mut second = known[0].clone();
        second.detector = SECOND.into();
        second.fps = 4.0;
        known.push(second);
        known.truncate(cameras);
        figures
    }

    fn tick(&mut self, figures: PipelineSnapshot) {
        self.scene.tick(self.scene.now_ms, figures);
    }

    /// Makes the pictures that are asked for, as the picture thread does.
    fn look(&mut self) {
        for effect in std::mem::take(&mut self.scene.effects) {
            if let Effect::SetReference(camera) = effect {
                let frame = self.frames[usize::from(*camera.detector != *CAMERA)].clone();
                self.maker.set_reference(camera, frame, at(61_040)).unwrap();
            }
        }
        for request in self.scene.app.visible_cameras() {
            let index = usize::from(*request.camera.detector != *CAMERA);
            let frame = &self.frames[index];
            let received = at(61_040);
            let made = self.maker.make(
                request.camera.clone(),
                frame,
                received,
                &request,
                &Clock::manual(at(61_043).mono_ns),
            );
            let mut picture = made.unwrap();
            let raster = Raster::new(FRAME.0, FRAME.1, Layout::Grey16, &frame.body).unwrap();
            let measures = Measurer::new().measure(&mut self.gauge, &raster, request.roi, Some(12));
            picture.measures = Some(Arc::new(measures));
            picture.decoded = at(61_043);
            let now = self.scene.now_ms;
            self.scene.event(now, Event::Picture(Box::new(picture)));
        }
    }

    fn press(&mut self, keys: &str) {
        self.scene.press(keys);
        self.look();
    }

    fn request(&self) -> PictureRequest {
        self.scene.app.visible_cameras().remove(0)
    }

    fn mouse(&mut self, deed: MouseDeed, (col, row): (u16, u16)) {
        let mouse = Mouse {
            deed,
            col,
            row,
            shift: false,
            alt: false,
            ctrl: false,
        };
        self.scene.event(self.scene.now_ms, Event::Mouse(mouse));
        self.look();
    }

    fn snapshot(&self, name: &str) {
        let (cols, rows) = self.scene.size;
        let buf = self.scene.draw();
        assert_rows_are_whole(&buf);
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        let name = format!("looked_{name}_{cols}x{rows}");
        settings.bind(|| insta::assert_snapshot!(name, screens::text(&buf)));
    }
}

/// No half of a wide glyph stands alone, and nothing is cut in the middle of a number.
fn assert_rows_are_whole(buf: &Buffer) {
    for y in 0..buf.area.height {
        let mut x = 0;
        while x < buf.area.width {
            x += buf[(x, y)].cell_width().max(1);
        }
        assert_eq!(x, buf.area.width, "row {y}");
    }
}

#[test]
fn looked_at_in_every_way() {
    let right = "l l l l l l l l l l l l l l l l l l l l ";
    let down = "j j j j j j j j j j j j j j j ";
    let cases = [
        ("plain", String::new()),
        ("zoomed", "+ + + +".to_owned()),
        ("cursor", "v".to_owned()),
        ("line", format!("v {right}{down}v")),
        ("region", format!("v b {right}{down}b esc")),
        ("lines", "x x c > m i o y".to_owned()),
    ];
    for size in SIZES {
        let mut bench = Bench::new(size);
        for (name, keys) in &cases {
            bench.press(keys);
            bench.snapshot(name);
        }
    }
    let mut bench = Bench::new((50, 16));
    bench.press("v b l l l l l l j j j j j j b");
    bench.snapshot("small");
    let mut bench = Bench::new((80, 24));
    bench.press("v v l l l l l l l l j j j j v e y");
    bench.snapshot("expanded");
}

#[test]
fn two_cameras_stand_side_by_side() {
    for size in SIZES {
        let mut bench = Bench::with(size, Subject::Cells, 2);
        bench.press("|");
        assert_eq!(bench.scene.app.visible_cameras().len(), 2, "{size:?}");
        bench.snapshot("two");
        // What has no room for two shows the one that keys are for.
        bench.press("tab");
        let narrow = size.0 < 140;
        let cameras = bench.scene.app.visible_cameras().len();
        assert_eq!(cameras, if narrow { 1 } else { 2 }, "{size:?}");
        bench.press(": 'split 1' enter");
        assert_eq!(bench.scene.app.visible_cameras().len(), 1, "{size:?}");
    }
    let mut alone = Bench::new((160, 48));
    alone.press("|");
    assert!(alone.scene.text().contains("there is no second camera"));
}

#[test]
fn every_state_of_a_picture() {
    type Prepare = fn(&mut Bench);
    let cases: [(&str, Subject, Prepare); 8] = [
        ("saturated", Subject::Saturated, |_| {}),
        ("black", Subject::Black, |_| {}),
        ("stale", Subject::Cells, |bench| {
            let mut figures = bench.figures(1);
            figures.sources[0].cameras[0].fps = 0.0;
            bench.scene.tick(69_000, figures);
        }),
        ("undecodable", Subject::Cells, |bench| {
            let mut figures = bench.figures(1);
            figures.sources[0].cameras[0].last_received = at(68_990);
            figures.sources[0].faults.push((FaultKind::Undecodable, 31));
            bench.scene.tick(69_000, figures);
        }),
        ("no_reference", Subject::Cells, |bench| bench.press("d")),
        ("difference", Subject::Cells, |bench| bench.press("D d")),
        ("held", Subject::Cells, |bench| {
            bench.press("v f + +");
        }),
        ("lost", Subject::Cells, |bench| {
            bench
                .scene
                .sample(69_000, SCOPE, Payload::Link(LinkState::Ended));
        }),
    ];
    for size in SIZES {
        for (name, subject, prepare) in cases {
            let mut bench = Bench::with(size, subject, 1);
            prepare(&mut bench);
            bench.snapshot(name);
        }
    }
}

#[test]
fn without_a_picture_it_says_why() {
    let mut bench = Bench::new((80, 24));
    bench.press("n");
    let text = bench.scene.text();
    assert!(text.contains("no picture from sensors"), "{text}");
    bench.press("v");
    let text = bench.scene.text();
    assert!(text.contains("there is no camera to look at"), "{text}");
    // Known by its figures, and nothing decoded yet.
    let mut scene = Scene::new(screens::options(screens::sources(), (80, 24)));
    scene.sample(60_900, SCOPE, Payload::Link(LinkState::Live));
    scene.tick(61_000, screens::figures(61_000, 0));
    scene.press("2");
    assert!(scene.text().contains("waiting for the picture"));
    let mut figures = screens::figures(61_000, 0);
    figures.sources[0].faults = vec![(FaultKind::Undecodable, 3)];
    scene.tick(61_100, figures);
    assert!(scene.text().contains("3 frames cannot be decoded"));
}

/// Colours of the upper dots in the middle row of the picture, eight of them.
fn ramp(bench: &Bench) -> String {
    let buf = bench.scene.draw();
    let row = buf.area.height / 3;
    let colors: Vec<Color> = (0..buf.area.width)
        .map(|x| &buf[(x, row)])
        .filter(|cell| cell.symbol() == "▀")
        .map(|cell| cell.fg)
        .collect();
    let mut text = String::new();
    for index in 0..8 {
        let Some(Color::Rgb(r, g, b)) = colors.get(index * (colors.len() - 1) / 7) else {
            panic!("no colour: {colors:?}");
        };
        write!(text, " {r:02x}{g:02x}{b:02x}").unwrap();
    }
    text
}

#[test]
fn every_colour_map_and_every_way_to_draw_values() {
    let mut bench = Bench::with((100, 30), Subject::Ramp, 1);
    bench.press(": 'contrast full' enter");
    let mut rows = String::new();
    let mut note = |name: &str, bench: &Bench| {
        writeln!(rows, "{name:10}{}", ramp(bench)).unwrap();
    };
    for map in ColorMap::ALL {
        bench.press(&format!(": 'map {}' enter", map.as_str()));
        note(map.as_str(), &bench);
    }
    bench.press(": 'map grey' enter i");
    note("inverted", &bench);
    bench.press("i : 'gamma 2' enter");
    note("gamma 2", &bench);
    bench.press(": 'gamma 1' enter : 'contrast 1000 3000' enter");
    note("1000..3000", &bench);
    bench.press("o");
    note("clipped", &bench);
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("looked_colours", rows));
}

#[test]
fn keys_and_words_say_what_is_asked_of_the_picture() {
    let mut bench = Bench::new((100, 30));
    let roi = |x, y, width, height| Roi {
        x,
        y,
        width,
        height,
    };
    bench.press("+ +");
    assert_eq!(bench.request().view.part, Some(roi(81, 60, 160, 120)));
    bench.press("0");
    assert_eq!(bench.request().view, View::default());
    bench.press(": 'zoom 4' enter");
    assert_eq!(bench.request().view.part, Some(roi(120, 90, 80, 60)));
    bench.press(": 'roi 300 10 50 20' enter z");
    assert_eq!(bench.request().roi, Some(roi(300, 10, 20, 20)));
    assert_eq!(bench.request().view.part, Some(roi(300, 10, 20, 20)));
    bench.press(": 'roi off' enter 0 : 'profile 0 0 319 239' enter");
    let line = Segment {
        from: (0, 0),
        to: (319, 239),
    };
    assert_eq!(bench.request().profile, Some(line));
    assert_eq!(bench.request().roi, None);
    bench.press(": 'profile off' enter c");
    bench.press("c");
    let fixed = Contrast::Fixed {
        black: 0,
        white: 4_095,
    };
    assert_eq!(bench.request().view.contrast, fixed);
    bench.press("c v h h ctrl-left ctrl-up");
    assert_eq!(bench.request().probe, Some((149, 119)));
    // While a region is drawn, all of the frame is measured.
    bench.press("b l l j");
    assert_eq!(bench.request().roi, None);
    bench.press("enter");
    assert_eq!(bench.request().roi, Some(roi(149, 119, 11, 6)));
    // Out of look mode the same keys are those of the screen.
    bench.press("esc h");
    assert!(
        bench.scene.app.visible_cameras().is_empty(),
        "a source without one"
    );
    let wrong = [
        ("roi 320 0 5 5", "outside of the frame, which is 320x240"),
        ("profile 0 0 320 0", "outside of the frame"),
        ("zoom 0", "zoom: 0 is too small"),
    ];
    for (line, says) in wrong {
        let mut bench = Bench::new((100, 30));
        bench.press(&format!(": '{line}' enter"));
        let text = bench.scene.text();
        assert!(text.contains(says), "{line}: {text}");
    }
}

#[test]
fn each_camera_is_remembered_as_it_was_looked_at() {
    let mut bench = Bench::with((100, 30), Subject::Cells, 2);
    bench.press("+ + m");
    let first = bench.request();
    bench.press("n");
    assert_eq!(bench.request().view, View::default());
    bench.press("i N");
    assert_eq!(bench.request().view, first.view);
    bench.press("n");
    assert!(bench.request().view.invert);
}

/// The cells of the picture: those with the glyph of two dots.
fn picture_cell(bench: &Bench, share: (f64, f64)) -> (u16, u16) {
    let buf = bench.scene.draw();
    let cells: Vec<(u16, u16)> = (0..buf.area.height)
        .flat_map(|y| (0..buf.area.width).map(move |x| (x, y)))
        .filter(|at| buf[*at].symbol() == "▀")
        .collect();
    let edge = |of: fn(&(u16, u16)) -> u16| {
        let least = cells.iter().map(of).min().unwrap();
        (least, cells.iter().map(of).max().unwrap())
    };
    let at = |(least, most): (u16, u16), share: f64| {
        least + (f64::from(most - least) * share).round() as u16
    };
    (at(edge(|at| at.0), share.0), at(edge(|at| at.1), share.1))
}

#[test]
fn the_mouse_does_what_keys_do() {
    let mut bench = Bench::new((160, 48));
    let cell = picture_cell(&bench, (0.25, 0.5));
    let left = MouseButton::Left;
    bench.mouse(MouseDeed::Press(left), cell);
    bench.mouse(MouseDeed::Release(left), cell);
    let clicked = bench.request().probe.unwrap();
    assert!(
        clicked.0.abs_diff(80) <= 4 && clicked.1.abs_diff(120) <= 5,
        "{clicked:?}"
    );
    // The pixel under the pointer stays there.
    for _ in 0..4 {
        bench.mouse(MouseDeed::WheelUp, cell);
    }
    bench.mouse(MouseDeed::Press(left), cell);
    bench.mouse(MouseDeed::Release(left), cell);
    let again = bench.request().probe.unwrap();
    let off = clicked.0.abs_diff(again.0).max(clicked.1.abs_diff(again.1));
    assert!(off <= 4, "{clicked:?} {again:?}");
    // A drag takes the picture along, and puts no cursor.
    let before = bench.request().view.part.unwrap();
    bench.mouse(MouseDeed::Press(left), cell);
    bench.mouse(MouseDeed::Drag(left), (cell.0 + 8, cell.1));
    bench.mouse(MouseDeed::Release(left), (cell.0 + 8, cell.1));
    let after = bench.request();
    assert!(after.view.part.unwrap().x < before.x);
    assert_eq!(after.view.part.unwrap().y, before.y);
    assert_eq!(after.probe, Some(again));
    for _ in 0..9 {
        bench.mouse(MouseDeed::WheelDown, cell);
    }
    assert_eq!(bench.request().view.part, None);
    // The other button draws a region, also past the edge.
    let from = picture_cell(&bench, (0.5, 0.5));
    bench.mouse(MouseDeed::Press(MouseButton::Right), from);
    bench.mouse(MouseDeed::Drag(MouseButton::Right), (159, 47));
    bench.mouse(MouseDeed::Release(MouseButton::Right), (159, 47));
    let region = bench.request().roi.unwrap();
    assert_eq!((region.x + region.width, region.y + region.height), FRAME);
    assert!(region.x.abs_diff(160) <= 4, "{region:?}");
}

#[test]
fn a_click_on_a_pane_gives_it_the_focus_and_a_question_is_not_clicked_away() {
    let mut bench = Bench::new((160, 48));
    let right = (150, 20);
    bench.press("v");
    bench.mouse(MouseDeed::Press(MouseButton::Left), right);
    bench.press("e");
    assert!(bench.scene.app.visible_cameras().is_empty());
    bench.press("e tab");
    let cell = picture_cell(&bench, (0.5, 0.5));
    bench.press("q");
    let before = bench.request();
    bench.mouse(MouseDeed::WheelUp, cell);
    bench.mouse(MouseDeed::Press(MouseButton::Left), cell);
    bench.mouse(MouseDeed::Release(MouseButton::Left), cell);
    assert_eq!(bench.request(), before);
    assert!(bench.scene.text().contains("Quit?"));
}

#[test]
fn a_held_picture_is_still_looked_at() {
    let mut bench = Bench::new((100, 30));
    bench.press("v f");
    let held = bench.request();
    bench.press("+ + l l");
    let asked = bench.request();
    assert_ne!((asked.view.part, asked.probe), (held.view.part, held.probe));
    let text = bench.scene.text();
    assert!(text.contains("zoom 2.0"), "{text}");
    // A picture of a later frame is not shown.
    let before = bench.scene.text();
    let mut frame = Subject::Black.frame(CAMERA);
    frame.number = Some(81_300);
    let live = PictureRequest {
        held: false,
        ..asked
    };
    let later = bench.maker.make(
        live.camera.clone(),
        &frame,
        at(61_900),
        &live,
        &Clock::manual(1),
    );
    let later = Event::Picture(Box::new(later.unwrap()));
    bench.scene.event(61_900, later);
    assert_eq!(bench.scene.text(), before);
}
