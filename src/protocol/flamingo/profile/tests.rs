use super::*;

fn with(base: Profile, lines: &[&str]) -> Result<Profile, ProfileError> {
    let overrides: Result<Vec<Override>, _> = lines.iter().map(|line| line.parse()).collect();
    base.with(&overrides?)
}

#[test]
fn no_two_names_of_a_profile_share_a_code_but_those_that_may() {
    for profile in [Profile::current(), Profile::older()] {
        let items = COMMANDS
            .iter()
            .map(|info| Item::Command(info.command))
            .chain(NOTICES.iter().map(|row| Item::Notice(row.0)));
        for item in items {
            let code = match item {
                Item::Command(command) => profile.code(command),
                Item::Notice(notice) => profile.notice_code(notice),
            };
            if let Some(code) = code {
                assert_eq!(profile.others_with(item, code), None, "{}", item.name());
            }
        }
    }
    for (place, row) in NOTICES.iter().enumerate() {
        assert_eq!(row.0 as usize, place);
        assert!(Item::named(row.1) == Some(Item::Notice(row.0)), "{}", row.1);
    }
}

#[test]
fn the_older_lists_leave_without_a_code_what_they_would_confuse() {
    let older = Profile::named("older").unwrap();
    let cases = [
        (Command::SettingsSave, Some(4107)),
        (Command::ImageSizeGet, Some(12331)),
        (Command::CheckStack, Some(12335)),
        (Command::PixelFieldOfViewGet, Some(12347)),
        (Command::WorkflowStart, Some(4136)),
        (Command::WorkflowStop, Some(12294)),
        (Command::Snapshot, None),
        (Command::StagePositionGet, Some(0x6008)),
    ];
    for (command, code) in cases {
        assert_eq!(older.code(command), code, "{}", command.name());
    }
    assert_eq!(older.notice_code(Notice::Settings), Some(4106));
    assert_eq!(older.state(40964), Some(SystemState::Idle));
    assert_eq!(older.state_code(SystemState::LiveView), None);
    assert_eq!(older.command(12294), Some(Command::WorkflowStop));
}

#[test]
fn overrides_are_decimal_or_hexadecimal_and_may_swap() {
    let profile = with(
        Profile::current(),
        &[
            "STAGE_POSITION_SET = 0x6004",
            "STAGE_POSITION_SET_MOVE=24581",
            " CAMERA_SNAPSHOT =none",
            "SYSTEM_STATE_IDLE = 0XA00C",
        ],
    )
    .unwrap();
    assert_eq!(profile.code(Command::StagePositionSet), Some(0x6004));
    assert_eq!(profile.code(Command::StageMove), Some(0x6005));
    assert_eq!(profile.code(Command::Snapshot), None);
    assert_eq!(profile.state(0xa00c), Some(SystemState::Idle));
    assert_eq!(profile.state(0xa002), None);
}

#[test]
fn a_wrong_override_is_told_what_may_be_written() {
    let cases: [(&[&str], &str); 10] = [
        (
            &["STAGE_HALT = none"],
            "STAGE_HALT = none would leave no way to stop the stage",
        ),
        (
            &["CAMERA_SNAPSHOT"],
            "\"CAMERA_SNAPSHOT\" is not an override; write NAME = CODE",
        ),
        (
            &["SNAPSHOT = 1"],
            "there is no command \"SNAPSHOT\"; did you mean CAMERA_SNAPSHOT or SYSTEM_STATE_SNAPSHOT?",
        ),
        (&["ZZZ = 1"], "e.g. CAMERA_SNAPSHOT"),
        (
            &["LED_SET = 0"],
            "LED_SET: \"0\" is not a code; write 1 to 4294967295",
        ),
        (&["LED_SET = +5"], "\"+5\" is not a code"),
        (&["LED_SET = 0x+5"], "\"0x+5\" is not a code"),
        (&["LED_SET = 4294967296"], "is not a code"),
        (&["LED_SET = 1", "LED_SET = 2"], "LED_SET is given twice"),
        (
            &["LED_SET = 0x6010"],
            "LED_SET and STAGE_MOTION_STOPPED would both be 24592 (0x6010); give STAGE_MOTION_STOPPED its own code",
        ),
    ];
    for (lines, part) in cases {
        let message = with(Profile::current(), lines).unwrap_err().to_string();
        assert!(message.contains(part), "{lines:?}: {message}");
    }
    assert_eq!(
        Profile::named("new").unwrap_err().to_string(),
        "there is no profile \"new\"; there are current and older"
    );
}

#[test]
fn a_code_that_a_user_wrote_down_is_chosen_even_if_it_is_the_usual_one() {
    let current = Profile::current();
    assert!(!current.is_chosen(Command::ExposureSet));
    let chosen = with(current.clone(), &["CAMERA_EXPOSURE_SET = 0x3009"]).unwrap();
    assert!(chosen.is_chosen(Command::ExposureSet) && !chosen.is_chosen(Command::Snapshot));
    assert_eq!(
        chosen.code(Command::ExposureSet),
        current.code(Command::ExposureSet)
    );
    let none = with(chosen, &["CAMERA_EXPOSURE_SET = none"]).unwrap();
    assert!(!none.is_chosen(Command::ExposureSet));
}
