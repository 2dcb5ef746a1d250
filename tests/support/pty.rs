//! The real program in a pseudo-terminal, and the screen it draws.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

/// A condition that has not come true by now never will.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A program in a terminal.
pub struct Terminal {
    master: Option<Box<dyn MasterPty + Send>>,
    pub child: Box<dyn Child + Send + Sync>,
    shared: Arc<Shared>,
}

struct Shared {
    screen: Mutex<Screen>,
    changed: Condvar,
    keyboard: Mutex<Option<Box<dyn Write + Send>>>,
    /// Whether status requests are answered.
    answering: AtomicBool,
    /// While set, nothing is read from the program.
    held: AtomicBool,
    /// Once set, the reader closes its end with the next thing it reads.
    vanished: AtomicBool,
}

struct Screen {
    parser: vt100::Parser<Answers>,
    raw: Vec<u8>,
    closed: bool,
}

/// What a terminal says to status requests.
#[derive(Default)]
struct Answers(Vec<u8>);

impl vt100::Callbacks for Answers {
    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        _: Option<u8>,
        _: Option<u8>,
        params: &[&[u16]],
        c: char,
    ) {
        if (params, c) == (&[&[6]], 'n') {
            let (row, col) = screen.cursor_position();
            let answer = format!("\x1b[{};{}R", row + 1, col + 1);
            self.0.extend_from_slice(answer.as_bytes());
        }
    }
}

pub fn cells(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap()
}

impl Terminal {
    /// Starts ttyscope with `args`; logs and state go into `dir`.
    pub fn start(args: &[&str], dir: &Path, cols: u16, rows: u16) -> Self {
        Self::start_with(args, dir, cols, rows, &[])
    }

    pub fn start_with(
        args: &[&str],
        dir: &Path,
        cols: u16,
        rows: u16,
        env: &[(&str, &str)],
    ) -> Self {
        let program = [env!("CARGO_BIN_EXE_ttyscope")];
        let whole: Vec<&str> = program.iter().chain(args).copied().collect();
        Self::start_program(&whole, dir, cols, rows, env)
    }

    /// Starts whatever program, e.g. one that runs ttyscope.
    pub fn start_program(
        program: &[&str],
        dir: &Path,
        cols: u16,
        rows: u16,
        env: &[(&str, &str)],
    ) -> Self {
        let pair = native_pty_system()
            .openpty(PtySize {
                rows,
                cols,
                pixel_width: 0,
                pixel_height: 0,
            })
            .unwrap();
        let mut command = CommandBuilder::new(program[0]);
        command.args(&program[1..]);
        command.cwd(dir);
        command.env("TERM", "xterm-256color");
        command.env("COLORTERM", "truecolor");
        command.env("HOME", dir);
        command.env("XDG_CONFIG_HOME", dir.join("config"));
        command.env("XDG_STATE_HOME", dir.join("state"));
        command.env("XDG_DATA_HOME", dir.join("data"));
        std::fs::create_dir_all(dir.join("run")).unwrap();
        command.env("XDG_RUNTIME_DIR", dir.join("run"));
        // What the terminal of whoever runs the tests is, is nothing to the program.
        for name in [
            "NO_COLOR",
            "TMUX",
            "STY",
            "TERM_PROGRAM",
            "LC_TERMINAL",
            "KITTY_WINDOW_ID",
            "GHOSTTY_RESOURCES_DIR",
            "TTYSCOPE_GRAPHICS",
        ] {
            command.env_remove(name);
        }
        command.env("RUST_BACKTRACE", "0");
        for (name, value) in env {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keyboard = pair.master.take_writer().unwrap();
        let shared = Arc::new(Shared {
            screen: Mutex::new(Screen {
                parser: vt100::Parser::new_with_callbacks(
                    cells(rows),
                    cells(cols),
                    0,
                    Answers::default(),
                ),
                raw: Vec::new(),
                closed: false,
            }),
            changed: Condvar::new(),
            keyboard: Mutex::new(Some(keyboard)),
            answering: AtomicBool::new(false),
            held: AtomicBool::new(false),
            vanished: AtomicBool::new(false),
        });
        std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let mut buffer = [0; 65536];
                loop {
                    {
                        let screen = shared.screen.lock().unwrap();
                        drop(
                            shared
                                .changed
                                .wait_while(screen, |_| shared.held.load(Ordering::SeqCst))
                                .unwrap(),
                        );
                    }
                    let count = reader.read(&mut buffer).unwrap_or(0);
                    if shared.vanished.load(Ordering::SeqCst) {
                        break;
                    }
                    let mut screen = shared.screen.lock().unwrap();
                    screen.parser.process(&buffer[..count]);
                    screen.raw.extend_from_slice(&buffer[..count]);
                    screen.closed = count == 0;
                    let answers = std::mem::take(&mut screen.parser.callbacks_mut().0);
                    shared.changed.notify_all();
                    drop(screen);
                    if shared.answering.load(Ordering::SeqCst) {
                        shared.press(&answers);
                    }
                    if count == 0 {
                        break;
                    }
                }
            }
        });
        Self {
            master: Some(pair.master),
            child,
            shared,
        }
    }

    /// Waits until the screen is as wanted; fails with the screen if it never is.
    pub fn wait_for(&self, what: &str, wanted: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut screen = self.shared.screen.lock().unwrap();
        while !wanted(screen.parser.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !screen.closed,
                "waiting for {what}; the screen shows\n{}",
                screen.parser.screen().contents()
            );
            screen = self.shared.changed.wait_timeout(screen, left).unwrap().0;
        }
    }

    /// Waits until the screen holds a text.
    pub fn wait_for_text(&self, text: &str) {
        self.wait_for(&format!("{text:?}"), |screen| {
            screen.contents().contains(text)
        });
    }

    /// Waits until what was written to the terminal is as wanted.
    pub fn wait_for_raw(&self, what: &str, wanted: impl Fn(&[u8]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut screen = self.shared.screen.lock().unwrap();
        while !wanted(&screen.raw) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !screen.closed,
                "waiting for {what} in {} bytes",
                screen.raw.len()
            );
            screen = self.shared.changed.wait_timeout(screen, left).unwrap().0;
        }
    }

    /// Waits until these bytes were written to the terminal.
    pub fn wait_for_bytes(&self, bytes: &[u8]) {
        let contains = |raw: &[u8]| raw.windows(bytes.len()).any(|window| window == bytes);
        self.wait_for_raw(&format!("{bytes:?}"), contains);
    }

    /// The screen's text now.
    pub fn text(&self) -> String {
        let screen = self.shared.screen.lock().unwrap();
        screen.parser.screen().contents()
    }

    /// Everything that was written to the terminal.
    pub fn raw(&self) -> Vec<u8> {
        self.shared.screen.lock().unwrap().raw.clone()
    }

    /// Types.
    pub fn press(&mut self, keys: &str) {
        assert!(self.shared.press(keys.as_bytes()), "it reads no keys");
    }

    /// Answers status requests from now on, or does not.
    pub fn answer(&self, answering: bool) {
        self.shared.answering.store(answering, Ordering::SeqCst);
    }

    /// Esc, and time for it: what follows it at once would be taken for a key with Alt.
    pub fn leave_the_prompt(&mut self) {
        self.press("\x1b");
        self.wait_for("the prompt to close", |screen| {
            !screen.contents().contains("enter do it")
        });
    }

    /// Gives the terminal another size.
    pub fn resize(&self, cols: u16, rows: u16) {
        let mut screen = self.shared.screen.lock().unwrap();
        screen
            .parser
            .screen_mut()
            .set_size(cells(rows), cells(cols));
        drop(screen);
        self.master
            .as_ref()
            .unwrap()
            .resize(PtySize {
                rows,
                cols,
                pixel_width: 0,
                pixel_height: 0,
            })
            .unwrap();
    }

    /// Stops reading what the program writes, as a stopped tmux or a dead link would, or goes on.
    pub fn hold(&self, held: bool) {
        let _screen = self.shared.screen.lock().unwrap();
        self.shared.held.store(held, Ordering::SeqCst);
        self.shared.changed.notify_all();
    }

    /// Whether the line discipline echoes and edits lines, as a shell expects it.
    pub fn is_cooked(&self) -> bool {
        use rustix::termios::LocalModes;
        let master = self.master.as_ref().unwrap();
        let tty = std::fs::File::open(master.tty_name().unwrap()).unwrap();
        let modes = rustix::termios::tcgetattr(tty).unwrap().local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON)
    }

    /// Asserts that nothing of ours is left on the terminal.
    pub fn assert_restored(&self) {
        let screen = self.shared.screen.lock().unwrap();
        let screen = screen.parser.screen();
        assert!(!screen.alternate_screen(), "still on the alternate screen");
        assert!(!screen.hide_cursor(), "the cursor is still hidden");
        assert!(!screen.bracketed_paste(), "pastes are still marked");
    }

    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.pid()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// The program's process id.
    pub fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Closes our end: the terminal is gone.
    pub fn vanish(&mut self) {
        self.shared.vanished.store(true, Ordering::SeqCst);
        self.hold(false);
        self.shared.keyboard.lock().unwrap().take();
        self.master.take();
    }

    /// Waits for the end and returns the exit code.
    pub fn wait(&mut self) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                // The last bytes may still be on their way to the screen.
                let screen = self.shared.screen.lock().unwrap();
                let still_open = |screen: &mut Screen| {
                    !screen.closed && !self.shared.vanished.load(Ordering::SeqCst)
                };
                let wait = self
                    .shared
                    .changed
                    .wait_timeout_while(screen, PATIENCE, still_open);
                drop(wait.unwrap());
                return ExitStatus::exit_code(&status);
            }
            assert!(
                Instant::now() < deadline,
                "it does not end:\n{}",
                self.text()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Shared {
    /// Types; says whether there is somebody who reads.
    fn press(&self, keys: &[u8]) -> bool {
        let mut keyboard = self.keyboard.lock().unwrap();
        let write = |keyboard: &mut Box<dyn Write + Send>| {
            keyboard.write_all(keys).and_then(|()| keyboard.flush())
        };
        keyboard.as_mut().is_some_and(|it| write(it).is_ok())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
