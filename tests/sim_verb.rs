//! `ttyscope sim`, the real program: what it starts, what it says, what it refuses.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use support::headless::{command, run};
use ttyscope::simulators::fault::Named;
use ttyscope::simulators::{flamingo, fleet, imswitch, market};

#[test]
fn both_microscopes_say_where_they_are_and_end_with_an_interrupt() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["sim", "--imswitch", "0", "--flamingo", "0"];
    let mut child = command(&args, dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut address = |scheme: &str| {
        let line = lines.next().unwrap().unwrap();
        let prefix = format!("SIMULATED microscope: {scheme}://");
        line.strip_prefix(&prefix)
            .unwrap_or_else(|| panic!("{line}"))
            .to_owned()
    };
    let imswitch = address("imswitch");
    let flamingo = address("flamingo");

    let mut stream = TcpStream::connect(imswitch).unwrap();
    write!(
        stream,
        "GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 "), "{answer}");

    let mut state_get = [0; 128];
    state_get[..8].copy_from_slice(&[0x54, 0xe6, 0x21, 0xf3, 0x07, 0xa0, 0, 0]);
    state_get[124..].copy_from_slice(&[0x21, 0x43, 0xdc, 0xfe]);
    let mut stream = TcpStream::connect(flamingo).unwrap();
    stream.write_all(&state_get).unwrap();
    let mut answer = [0; 128];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer[24..28], [0x02, 0xa0, 0, 0]);

    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_faults_of_all_are_listed() {
    let dir = tempfile::tempdir().unwrap();
    let ended = run(&["sim", "--fault", "list"], dir.path());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let names: Vec<&str> = ended
        .stdout
        .iter()
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect();
    let imswitch = imswitch::Fault::ALL.map(Named::name);
    let flamingo = flamingo::Fault::ALL.map(Named::name);
    let fleet = fleet::Fault::ALL.map(Named::name);
    let market = market::Fault::ALL.map(Named::name);
    let all = [&imswitch[..], &flamingo[..], &market[..], &fleet[..]].concat();
    assert_eq!(names, all);
}

#[test]
fn a_fault_nobody_knows_and_a_taken_port_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let ended = run(&["sim", "--fault", "hiccup"], dir.path());
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("\"hiccup\" is no fault"), "{ended:?}");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = run(&["sim", "--flamingo", &port], dir.path());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let expected = format!("ports {port} and ");
    assert!(ended.stderr.contains(&expected), "{ended:?}");
    assert!(ended.stderr.contains("--flamingo 0"), "{ended:?}");
}
