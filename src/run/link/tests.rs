//! A simulated link: a queue that is emptied at a rate, half a round trip each way, and a terminal
//! that answers once it has shown what stood before the question.

use std::collections::VecDeque;

use super::*;

/// A step of the simulation.
const STEP: u64 = MS;

#[derive(Clone, Copy)]
struct Wire {
    /// Bytes a second.
    rate: f64,
    round_trip_ns: u64,
}

/// What a terminal answers to its nth question from a place.
type Answer = fn(u64, Place) -> Vec<Place>;
type Place = (u16, u16);

/// What was written, on its way.
struct Simulation {
    wire: Wire,
    now_ns: u64,
    link: Link,
    /// When the line is free again.
    free_ns: u64,
    /// When an answer arrives, and from where.
    answers: VecDeque<(u64, Place)>,
    /// Does with an answer what a bad terminal does: loses it, says something else, says it twice.
    answer: Answer,
    answered: u64,
    /// The terminal has stopped reading.
    stopped: bool,
    /// Picture bytes that arrived and text that waited: the delay of each, in order.
    pictures: Vec<u64>,
    echoes: Vec<u64>,
    waiting_key: Option<u64>,
}

fn truly(_: u64, place: Place) -> Vec<Place> {
    vec![place]
}

impl Simulation {
    fn new(wire: Wire) -> Self {
        Self {
            wire,
            now_ns: STEP,
            link: Link::new(80, 24),
            free_ns: 0,
            answers: VecDeque::new(),
            answer: truly,
            answered: 0,
            stopped: false,
            pictures: Vec::new(),
            echoes: Vec::new(),
            waiting_key: None,
        }
    }

    /// Writes; the bytes arrive at the time returned.
    fn write(&mut self, cargo: Cargo, bytes: u64) -> u64 {
        /// `ESC [ 2 ; 5 H ESC [ 6 n`.
        const QUESTION: usize = 10;
        let is_first = self.link.sent == 0;
        let mut update = vec![b'x'; bytes as usize];
        self.link.send(self.now_ns, cargo, &mut update);
        // The system takes everything at once: nothing ever blocks here.
        self.link.taken(self.now_ns);
        let (first, rest) = update.split_at(if is_first { QUESTION } else { 0 });
        let mut shown_ns = 0;
        for piece in [first, rest] {
            shown_ns = self.carry(piece.len());
            let Some(question) = piece.last_chunk::<QUESTION>() else {
                continue;
            };
            if !question.ends_with(b"H\x1b[6n") {
                continue;
            }
            let digit = |at: usize| u16::from(question[at] - b'0');
            self.answered += 1;
            if !self.stopped {
                for place in (self.answer)(self.answered, (digit(2), digit(4))) {
                    let arrives_ns = shown_ns + self.wire.round_trip_ns / 2;
                    self.answers.push_back((arrives_ns, place));
                }
            }
        }
        shown_ns
    }

    /// When so many bytes are at the other end.
    fn carry(&mut self, bytes: usize) -> u64 {
        let took_ns = bytes as f64 * 1e9 / self.wire.rate;
        self.free_ns = self.free_ns.max(self.now_ns) + took_ns as u64;
        self.free_ns + self.wire.round_trip_ns / 2
    }

    /// A step in which nothing is written.
    fn hear(&mut self) {
        self.now_ns += STEP;
        while let Some((_, place)) = self
            .answers
            .pop_front_if(|(arrives_ns, _)| *arrives_ns <= self.now_ns)
        {
            self.link.answered(self.now_ns, place.0, place.1);
        }
        self.link.give_up(self.now_ns);
    }

    /// One step with a picture that never ends and, at times, a key.
    fn step(&mut self, key: bool) {
        self.hear();
        if key {
            self.waiting_key.get_or_insert(self.now_ns);
        }
        if let Some(pressed_ns) = self.waiting_key
            && self.link.takes_text(self.now_ns, true)
        {
            let shown_ns = self.write(Cargo::TextAndPicture, 60);
            self.echoes.push(shown_ns - pressed_ns);
            self.waiting_key = None;
        }
        if self.link.hold_ns(self.now_ns).is_some() {
            return;
        }
        if self.link.poke_ns().is_some_and(|at| at <= self.now_ns)
            && self.link.takes_picture(1 << 20) == 0
        {
            self.write(Cargo::Poke, 0);
        }
        loop {
            let piece = self.link.takes_picture(1 << 20);
            // One update a step: a local terminal would take any number.
            if piece == 0 || self.free_ns > self.now_ns + 10_000 * MS {
                break;
            }
            let shown_ns = self.write(Cargo::Picture, piece);
            self.pictures.push(piece);
            if shown_ns <= self.now_ns + STEP {
                break;
            }
        }
    }

    /// Runs for so many seconds, with a key every 130 ms.
    fn run(&mut self, seconds: u64) {
        let began_ns = self.now_ns;
        let mut pressed_ns = self.now_ns;
        while self.now_ns < began_ns + seconds * 1_000 * MS {
            let key = self.now_ns >= pressed_ns + 130 * MS;
            if key {
                pressed_ns = self.now_ns;
            }
            self.step(key);
        }
    }

    /// Bytes of pictures a second over the next seconds.
    fn picture_rate(&mut self, seconds: u64) -> f64 {
        self.pictures.clear();
        self.run(seconds);
        self.pictures.iter().sum::<u64>() as f64 / seconds as f64
    }

    fn longest_echo(&mut self, seconds: u64) -> u64 {
        self.echoes.clear();
        self.run(seconds);
        self.echoes.iter().copied().max().unwrap()
    }
}

fn wire(kbit: u64, round_trip_ms: u64) -> Wire {
    Wire {
        rate: kbit as f64 * 1_000.0 / 8.0,
        round_trip_ns: round_trip_ms * MS,
    }
}

#[test]
fn an_echo_waits_for_little_and_the_picture_takes_the_rest() {
    let mut rates = Vec::new();
    for (kbit, round_trip_ms) in [(100, 200), (1_000, 200), (10_000, 200), (1_000, 20)] {
        let wire = wire(kbit, round_trip_ms);
        let mut simulation = Simulation::new(wire);
        simulation.run(20);
        let echo_ns = simulation.longest_echo(60);
        let one_way_ns = wire.round_trip_ns / 2;
        assert!(
            echo_ns < one_way_ns + 100 * MS,
            "{kbit} kbit/s: {} ms",
            echo_ns / MS
        );
        let rate = simulation.picture_rate(30);
        assert!(
            rate > 0.6 * wire.rate,
            "{kbit} kbit/s: {rate:.0} B/s of {:.0}",
            wire.rate
        );
        rates.push(rate);
    }
    assert!(
        rates[0] * 4.0 < rates[1] && rates[1] * 4.0 < rates[2],
        "{rates:?}"
    );
}

#[test]
fn a_serial_line_of_9600_baud_stays_usable() {
    let mut simulation = Simulation::new(wire(8, 0));
    simulation.write(Cargo::Text, 3_000);
    simulation.run(20);
    let echo_ns = simulation.longest_echo(30);
    assert!(echo_ns < 700 * MS, "{} ms", echo_ns / MS);
}

#[test]
fn a_link_that_becomes_slower_is_followed_and_one_that_becomes_faster_too() {
    let mut simulation = Simulation::new(wire(10_000, 200));
    simulation.run(10);
    simulation.wire = wire(1_000, 200);
    simulation.run(20);
    let echo_ns = simulation.longest_echo(20);
    assert!(echo_ns < 200 * MS, "{} ms", echo_ns / MS);
    // A longer way: not taken for waiting for ever.
    simulation.wire = wire(1_000, 400);
    simulation.run(30);
    let rate = simulation.picture_rate(30);
    assert!(rate > 0.6 * simulation.wire.rate, "{rate:.0} B/s");
    simulation.wire = wire(10_000, 50);
    simulation.run(20);
    let rate = simulation.picture_rate(20);
    assert!(rate > 0.6 * simulation.wire.rate, "{rate:.0} B/s");
}

#[test]
fn answers_that_are_lost_or_forged_do_no_harm() {
    let lost = |n: u64, place| {
        if n.is_multiple_of(3) {
            vec![place]
        } else {
            Vec::new()
        }
    };
    let twice = |_: u64, place| vec![place, place];
    let forged = |n: u64, (row, col): Place| {
        vec![(row, col), (99, 99), (2 + n as u16 % 8, 1 + n as u16 % 9)]
    };
    for (answer, share) in [(lost as Answer, 0.4), (twice, 0.6), (forged, 0.0)] {
        let mut simulation = Simulation::new(wire(1_000, 200));
        simulation.answer = answer;
        simulation.run(20);
        let rate = simulation.picture_rate(30);
        assert!(rate > share * simulation.wire.rate, "{rate:.0} B/s");
        let echo_ns = simulation.longest_echo(20);
        assert!(echo_ns < 300 * MS, "{} ms", echo_ns / MS);
    }
}

/// Answers each question with the place of the one before.
fn one_late(n: u64, (row, col): Place) -> Vec<Place> {
    let before = ((row - 2) * 9 + (col - 1) + 71) % 72;
    match n {
        1 => Vec::new(),
        _ => vec![(2 + before / 9, 1 + before % 9)],
    }
}

#[test]
fn a_terminal_that_answers_one_question_late_gets_its_pictures_all_the_same() {
    let mut simulation = Simulation::new(wire(1_000, 20));
    simulation.answer = one_late;
    for _ in 0..3 {
        simulation.run(2);
        // Nothing to draw for so long that the last answer is given up.
        simulation.now_ns += 20_000 * MS;
        simulation.link.give_up(simulation.now_ns);
        simulation.pictures.clear();
        // No key helps it along.
        for _ in 0..1_500 {
            simulation.step(false);
        }
        let bytes: u64 = simulation.pictures.iter().sum();
        assert!(bytes > 100_000, "{bytes}");
    }
}

#[test]
fn a_terminal_that_answers_one_question_late_is_found_out_by_questions_alone() {
    let mut simulation = Simulation::new(wire(1_000, 20));
    simulation.answer = one_late;
    simulation.step(false);
    simulation.now_ns += 20_000 * MS;
    simulation.link.give_up(simulation.now_ns);
    // Whole screens of text, each more than may be under way now.
    let mut written = Vec::new();
    for _ in 0..3_000 {
        simulation.hear();
        let now_ns = simulation.now_ns;
        if simulation.link.hold_ns(now_ns).is_some() {
            continue;
        }
        if simulation.link.takes_text(now_ns, false) {
            simulation.write(Cargo::Text, 3_000);
            written.push(now_ns);
        } else if simulation.link.poke_ns().is_some_and(|at| at <= now_ns) {
            simulation.write(Cargo::Poke, 0);
        }
    }
    assert!(written.len() > 20, "{}", written.len());
    assert_eq!(simulation.link.reading().round_trip_ns, None);
}

#[test]
fn a_terminal_that_stops_reading_is_sent_next_to_nothing_until_it_reads_again() {
    let mut simulation = Simulation::new(wire(1_000, 200));
    simulation.run(10);
    simulation.stopped = true;
    simulation.run(5);
    let sent = simulation.link.sent;
    simulation.step(false);
    assert!(simulation.link.sent - sent <= LEAST);
    assert!(simulation.link.overdue_ns(simulation.now_ns) > 4_000 * MS);
    simulation.stopped = false;
    simulation.run(20);
    let rate = simulation.picture_rate(20);
    assert!(rate > 0.6 * simulation.wire.rate, "{rate:.0} B/s");
}

#[test]
fn a_terminal_that_answers_nothing_gets_its_pictures_all_the_same() {
    let mut link = Link::new(80, 24);
    let (mut now_ns, mut asked) = (MS, 0);
    let mut pictures = Vec::new();
    for _ in 0..120_000 {
        now_ns += MS;
        link.give_up(now_ns);
        let piece = link.takes_picture(500);
        if piece > 0 {
            let mut update = vec![b'x'; piece as usize];
            link.send(now_ns, Cargo::Picture, &mut update);
            asked += u32::from(update.ends_with(b"\x1b[6n"));
            link.taken(now_ns + MS);
            pictures.push(now_ns);
        }
    }
    assert_eq!(link.reading(), Reading::default());
    // From the third second on every millisecond.
    assert!(pictures.len() > 110_000, "{}", pictures.len());
    assert!(asked < 20, "{asked} questions");
    assert_eq!(link.farewell_ns(), None);

    // One that is too small for the places is not asked at all.
    let mut link = Link::new(5, 5);
    let mut update = b"x".to_vec();
    link.send(MS, Cargo::Text, &mut update);
    assert_eq!(update, b"x");
}

#[test]
fn what_is_under_way_never_exceeds_what_was_allowed() {
    // Nothing comes back: neither the window nor an echo's allowance may be handed out twice.
    let mut link = Link::new(80, 24);
    let mut handed = 0;
    while link.takes_text(MS, true) {
        let mut update = vec![b'x'; 60];
        link.send(MS, Cargo::Text, &mut update);
        handed += update.len();
        assert!(handed < 64 * 1024);
    }
    assert_eq!(link.takes_picture(1 << 20), 0);
    assert!(!link.takes_text(MS, false));
    assert!(link.farewell_ns().is_some());
}
