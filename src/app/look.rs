//! Looking at a picture: what its keys, words and the mouse do.

use super::screen::{Pane, Screen};
use super::{App, Effect};
use crate::imaging::{ColorMap, Contrast, Roi, Segment};
use crate::intent::{Action, LookOrder, Mouse, MouseButton, MouseDeed};
use crate::model::CameraKey;
use crate::panels::scope::sight::{Cross, Direction, Point, Sight, between};
use crate::panels::scope::{draw, frame_size, picture};
use crate::panels::{ScopePanel, Step};
use crate::ui::Rect;
use crate::ui::picture::marks::Geometry;

/// A button that is held on the picture.
#[derive(Clone, Debug)]
pub(super) struct Grab {
    camera: CameraKey,
    geometry: Geometry,
    /// How the camera was looked at when the button went down.
    before: Sight,
    frame: Point,
    /// The cell and the pixel under the pointer then.
    cell: (u16, u16),
    pixel: Point,
    /// A region is drawn; otherwise what is seen is moved.
    draws: bool,
    moved: bool,
}

/// A picture under the pointer.
struct Under {
    camera: CameraKey,
    geometry: Geometry,
    frame: Point,
    pixel: Point,
}

impl App {
    /// The camera that the keys about pictures are for.
    fn looked_at(&self) -> Result<CameraKey, String> {
        let subject = self.scope.subject(self.view());
        let camera = subject.and_then(|subject| subject.camera());
        camera.ok_or_else(|| "there is no camera to look at".to_owned())
    }

    /// The same with the size of its frames.
    fn looked_at_frame(&self) -> Result<(CameraKey, Point), String> {
        let camera = self.looked_at()?;
        let frame = frame_size(self.view(), &camera);
        let frame = frame.ok_or_else(|| format!("{}: no picture yet", camera.detector))?;
        Ok((camera, frame))
    }

    /// Whether the keys move a cursor on the picture now.
    pub(super) fn is_looking(&self) -> bool {
        self.scope.looking && self.screen == Screen::Scope && self.has_camera()
    }

    /// Puts the cursor onto the picture, or takes the keys back.
    pub(super) fn toggle_look(&mut self) -> Result<(), String> {
        let (camera, frame) = self.looked_at_frame()?;
        self.scope.sight_mut(&camera).find_cursor(frame);
        self.set_focus(Pane::Picture);
        self.scope.looking = true;
        let key = |action| self.key_text(action);
        let words = format!(
            "look: arrows move the cursor, with ctrl by a pixel; {} line, {} region, {} leaves",
            key(Action::Line),
            key(Action::Region),
            key(Action::Back)
        );
        self.note(words);
        Ok(())
    }

    /// Leaves one thing: what is being drawn, else look mode. False if there is nothing to leave.
    pub(super) fn leave_look(&mut self) -> bool {
        if !self.is_looking() {
            return false;
        }
        if let Ok(camera) = self.looked_at() {
            let sight = self.scope.sight_mut(&camera);
            if sight.drawing.take().is_some() {
                return true;
            }
        }
        self.scope.looking = false;
        true
    }

    /// What a key about the picture does.
    pub(super) fn look(&mut self, action: Action) -> Result<(), String> {
        if action == Action::Split {
            return self.split(!self.scope.split);
        }
        let camera = self.looked_at()?;
        let window = picture(self.view(), &camera).map(|picture| picture.window);
        if let Some(said) = restyle(self.scope.sight_mut(&camera), action, window) {
            self.note(said);
            return Ok(());
        }
        let (camera, frame) = self.looked_at_frame()?;
        let sight = self.scope.sight_mut(&camera);
        match action {
            Action::ZoomIn => sight.step_zoom(true, None, frame),
            Action::ZoomOut => sight.step_zoom(false, None, frame),
            Action::Fit => sight.zoom_to(1.0, None, frame),
            Action::ZoomRegion => match sight.region {
                Some(region) => sight.show(region, frame),
                None => return Err("there is no region: draw one in look mode".to_owned()),
            },
            Action::Line => sight.next_line(frame),
            Action::Region => sight.next_region(frame),
            Action::Keep => sight.keep(),
            Action::CursorLeft => sight.move_cursor(Direction::Left, false, frame),
            Action::CursorRight => sight.move_cursor(Direction::Right, false, frame),
            Action::CursorDown => sight.move_cursor(Direction::Down, false, frame),
            Action::CursorUp => sight.move_cursor(Direction::Up, false, frame),
            Action::PixelLeft => sight.move_cursor(Direction::Left, true, frame),
            Action::PixelRight => sight.move_cursor(Direction::Right, true, frame),
            Action::PixelDown => sight.move_cursor(Direction::Down, true, frame),
            Action::PixelUp => sight.move_cursor(Direction::Up, true, frame),
            Action::PanLeft => sight.pan_half(Direction::Left, frame),
            Action::PanRight => sight.pan_half(Direction::Right, frame),
            Action::PanDown => sight.pan_half(Direction::Down, frame),
            Action::PanUp => sight.pan_half(Direction::Up, frame),
            Action::Reference => {
                sight.references = sight.references.wrapping_add(1).max(1);
                self.note(format!("{}: this frame is the reference", camera.detector));
            }
            _ => {}
        }
        Ok(())
    }

    /// What a typed line about the picture does.
    pub(super) fn look_order(&mut self, order: LookOrder) -> Result<(), String> {
        if let LookOrder::Split(two) = order {
            return self.split(two);
        }
        let camera = self.looked_at()?;
        let frame = frame_size(self.view(), &camera);
        let known = || frame.ok_or_else(|| format!("{}: no picture yet", camera.detector));
        let sight = self.scope.sight_mut(&camera);
        match order {
            LookOrder::Zoom(zoom) => sight.zoom_to(zoom.into(), None, known()?),
            LookOrder::Region(None) => sight.region = None,
            LookOrder::Region(Some([x, y, width, height])) => {
                let (wide, high) = known()?;
                let asked = Roi {
                    x,
                    y,
                    width,
                    height,
                };
                let region = asked.within((wide, high));
                sight.region = Some(region.ok_or_else(|| outside(wide, high))?);
            }
            LookOrder::Profile(None) => sight.line = None,
            LookOrder::Profile(Some([x1, y1, x2, y2])) => {
                let (wide, high) = known()?;
                if x1.max(x2) >= wide || y1.max(y2) >= high {
                    return Err(outside(wide, high));
                }
                sight.line = Some(Segment {
                    from: (x1, y1),
                    to: (x2, y2),
                });
            }
            LookOrder::AutoContrast => sight.view.contrast = Contrast::Auto,
            LookOrder::FullContrast => sight.view.contrast = Contrast::Full,
            LookOrder::Contrast(black, white) => {
                sight.view.contrast = Contrast::Fixed { black, white };
            }
            LookOrder::Gamma(gamma) => sight.view.gamma = gamma,
            LookOrder::ColorMap(name) => {
                sight.view.color_map = ColorMap::from_name(&name).unwrap_or_default();
            }
            LookOrder::Reference(true) => {
                sight.references = sight.references.wrapping_add(1).max(1);
            }
            LookOrder::Reference(false) => {
                sight.references = 0;
                sight.view.difference = false;
            }
            LookOrder::Difference(on) => sight.view.difference = on,
            LookOrder::Split(_) => {}
        }
        self.go_to(Screen::Scope);
        Ok(())
    }

    fn split(&mut self, two: bool) -> Result<(), String> {
        let subject = self.scope.subject(self.view());
        let second = subject.and_then(|subject| ScopePanel::next_camera(&subject, self.view()));
        if two && second.is_none() {
            return Err("there is no second camera to show beside this one".to_owned());
        }
        self.scope.split = two;
        self.set_focus_on(Screen::Scope, Pane::Picture);
        Ok(())
    }

    /// The mouse did something. Everything it does a key does as well.
    pub(super) fn mouse(&mut self, mouse: Mouse) {
        // A question is answered first, and by key.
        if !self.overlays.is_empty() {
            self.grab = None;
            return;
        }
        match mouse.deed {
            MouseDeed::Press(button) => self.mouse_pressed(mouse, button),
            MouseDeed::Drag(_) => self.mouse_dragged(mouse),
            MouseDeed::Release(_) => self.mouse_released(),
            MouseDeed::WheelUp => self.wheel(mouse, true),
            MouseDeed::WheelDown => self.wheel(mouse, false),
            MouseDeed::Move => {}
        }
    }

    fn mouse_pressed(&mut self, mouse: Mouse, button: MouseButton) {
        self.grab = None;
        self.notice = None;
        self.dirty = true;
        let under = self.under(mouse);
        if let Some(pane) = self.pane_at(mouse)
            && self.panes().contains(&pane)
        {
            self.set_focus(pane);
            self.scope.looking &= pane == Pane::Picture;
        }
        let Some(under) = under.filter(|_| button != MouseButton::Middle) else {
            return;
        };
        self.grab = Some(Grab {
            before: self.scope.sight(&under.camera),
            camera: under.camera,
            geometry: under.geometry,
            frame: under.frame,
            cell: (mouse.col, mouse.row),
            pixel: under.pixel,
            // Most terminals keep Shift for selecting text, so the other button does it, too.
            draws: mouse.shift || button == MouseButton::Right,
            moved: false,
        });
    }

    fn mouse_dragged(&mut self, mouse: Mouse) {
        let Some(grab) = &mut self.grab else {
            return;
        };
        if grab.cell == (mouse.col, mouse.row) && !grab.moved {
            return;
        }
        grab.moved = true;
        let mut sight = grab.before;
        if grab.draws {
            let place = grab.geometry.place();
            let within = |at: u16, first: u16, end: u16| at.clamp(first, end.max(first + 1) - 1);
            let col = within(mouse.col, place.left(), place.right());
            let row = within(mouse.row, place.top(), place.bottom());
            if let Some(to) = grab.geometry.pixel(col, row) {
                sight.drawing = None;
                sight.region = Some(between(grab.pixel, to));
            }
        } else {
            let by = |from: u16, to: u16, length: u32, cells: u16| {
                (i64::from(from) - i64::from(to)) * i64::from(length) / i64::from(cells.max(1))
            };
            let (part, place) = (sight.part(grab.frame), grab.geometry.place());
            let dx = by(grab.cell.0, mouse.col, part.width, place.width);
            let dy = by(grab.cell.1, mouse.row, part.height, place.height);
            sight.pan((dx, dy), grab.frame);
        }
        let now = self.scope.sight_mut(&grab.camera);
        self.dirty |= *now != sight;
        *now = sight;
    }

    /// A click puts the cursor where it was.
    fn mouse_released(&mut self) {
        if let Some(grab) = self.grab.take()
            && !grab.moved
        {
            let sight = self.scope.sight_mut(&grab.camera);
            sight.put_cursor(grab.pixel, grab.frame);
            self.dirty = true;
        }
    }

    /// Zooms about the pointer on a picture; elsewhere it steps through what has the focus.
    fn wheel(&mut self, mouse: Mouse, up: bool) {
        self.dirty = true;
        if let Some(under) = self.under(mouse) {
            let sight = self.scope.sight_mut(&under.camera);
            sight.step_zoom(up, Some(under.pixel), under.frame);
        } else if self.pane_at(mouse) == Some(self.focused()) {
            self.step(if up { Step::Up } else { Step::Down });
        }
    }

    fn pane_at(&self, mouse: Mouse) -> Option<Pane> {
        let (cols, rows) = self.size;
        let layout = self.layout(Rect::new(0, 0, cols, rows));
        let at = |area: &Rect| area.contains((mouse.col, mouse.row).into());
        let found = layout.panes.iter().find(|(_, area)| at(area));
        found.map(|(pane, _)| *pane)
    }

    /// The picture under the pointer.
    fn under(&self, mouse: Mouse) -> Option<Under> {
        let (cols, rows) = self.size;
        let pane = self.layout(Rect::new(0, 0, cols, rows)).of(Pane::Picture)?;
        let facts = self.view();
        let look = self.look_of(Pane::Picture);
        self.scope
            .views(facts, pane)
            .into_iter()
            .find_map(|(subject, area)| {
                let camera = subject.camera()?;
                let picture = picture(facts, &camera)?;
                let room = self.scope.room(&subject, area).picture;
                let geometry = draw::geometry(picture, &look, room)?;
                Some(Under {
                    pixel: geometry.pixel(mouse.col, mouse.row)?,
                    frame: picture.frame_size_px,
                    camera,
                    geometry,
                })
            })
    }
}

/// Draws values in another way, and says how they are drawn now.
fn restyle(sight: &mut Sight, action: Action, window: Option<(u16, u16)>) -> Option<String> {
    let view = &mut sight.view;
    let is = |on: bool, yes: &str, no: &str| if on { yes.to_owned() } else { no.to_owned() };
    Some(match action {
        Action::Contrast => {
            sight.next_contrast(window);
            match sight.view.contrast {
                Contrast::Auto => "contrast: follows the picture".to_owned(),
                Contrast::Full => "contrast: the camera's whole scale".to_owned(),
                Contrast::Fixed { black, white } => format!("contrast: fixed, {black} to {white}"),
            }
        }
        Action::ColorMap => {
            sight.next_map();
            format!("colour map: {}", sight.view.color_map.as_str())
        }
        Action::GammaUp | Action::GammaDown => {
            sight.step_gamma(action == Action::GammaUp);
            format!("gamma: {}", sight.view.gamma)
        }
        Action::Invert => {
            view.invert = !view.invert;
            is(view.invert, "white is drawn black", "white is drawn white")
        }
        Action::MarkClipped => {
            view.mark_clipped = !view.mark_clipped;
            is(
                view.mark_clipped,
                "what is drawn black or white at the ends is marked",
                "clipped pixels are not marked",
            )
        }
        Action::Difference => {
            view.difference = !view.difference;
            is(
                view.difference,
                "the difference to the reference",
                "the frame itself",
            )
        }
        Action::Cross => {
            sight.next_cross();
            let words = match sight.cross {
                Cross::Off => "no lines on the picture",
                Cross::Middle => "the middle of the frame is marked",
                Cross::Lines => "lines through the cursor",
            };
            words.to_owned()
        }
        Action::LogHistogram => {
            sight.log = !sight.log;
            is(sight.log, "histogram: logarithmic", "histogram: linear")
        }
        _ => return None,
    })
}

fn outside(width: u32, height: u32) -> String {
    format!("that is outside of the frame, which is {width}x{height} pixels")
}

/// Nothing of the world is asked for by looking.
pub(super) fn done(asked: Result<(), String>) -> Result<Vec<Effect>, String> {
    asked.map(|()| Vec::new())
}
