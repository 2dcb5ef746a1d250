use super::*;

const HERE: [f64; 4] = [8.0, 24.0, 20.0, 5.0];
const FIELD: (f64, f64) = (1.0, 1.0);

fn text(lines: &[(&str, &str)]) -> String {
    let mut out = "<Workflow Settings>\n".to_owned();
    for (section, line) in lines {
        out.push_str(&format!("  <{section}>\n    {line}\n  </{section}>\n"));
    }
    out + "</Workflow Settings>\n"
}

#[test]
fn what_the_text_does_not_say_is_as_the_instrument_is() {
    let plan = Plan::new("<Workflow Settings>", HERE, FIELD);
    assert_eq!(plan.stacks, [HERE]);
    assert_eq!((plan.planes, plan.images(), plan.hz), (1, 1, 20.0));
    assert!(!plan.live && !plan.project && !plan.led && !plan.saves);
    assert_eq!(plan.out_of_reach(), None);
}

#[test]
fn a_stack_steps_by_its_spacing_towards_its_end() {
    let plan = Plan::new(
        &text(&[
            ("Start Position", "Z (mm) = 14"),
            ("End Position", "Z (mm) = 13.9"),
            (
                "Experiment Settings",
                "Plane spacing (um) = 2.5\nFrame rate (f/s) = 40.5\nNumber of angles = 3\nAngle step size = 90\nDisplay max projection = true\nSave image data = Raw",
            ),
            (
                "Stack Settings",
                "Number of planes = 41\nStack option = OPT ZStacks",
            ),
        ]),
        HERE,
        FIELD,
    );
    assert_eq!((plan.planes, plan.step_mm, plan.hz), (41, -0.0025, 40.5));
    let angles: Vec<f64> = plan.stacks.iter().map(|corner| corner[3]).collect();
    assert_eq!(angles, [5.0, 95.0, 185.0]);
    assert_eq!(plan.images(), 123);
    assert!(plan.project && plan.saves && !plan.is_tiled);
}

#[test]
fn tiles_cover_the_way_between_the_corners() {
    let plan = Plan::new(
        &text(&[
            ("Start Position", "X (mm) = 4\nY (mm) = 10"),
            ("End Position", "X (mm) = 6\nY (mm) = 10"),
            (
                "Stack Settings",
                "Stack option = Tile\nStack option settings 1 = 10\nStack option settings 2 = 0",
            ),
        ]),
        HERE,
        FIELD,
    );
    // (2 mm and one field) / 0.9 mm along X, one row.
    let x: Vec<f64> = plan.stacks.iter().map(|corner| corner[0]).collect();
    assert_eq!((x.len(), x[0], x[3]), (4, 4.0, 6.0));
    assert!(plan.stacks.iter().all(|corner| corner[1] == 10.0));
    assert!(plan.is_tiled);
}

#[test]
fn lights_that_are_used_have_a_one_behind_their_power() {
    let plan = Plan::new(
        &text(&[
            (
                "Illumination Source",
                "Laser 1 1: 405 nm MLE = 0.00 0\nLaser 3 3: 561 nm MLE = 5.88 1\nLED_RGB_Board = 29.82 1",
            ),
            ("Illumination Path", "Left path = OFF 0\nRight path = ON 1"),
        ]),
        HERE,
        FIELD,
    );
    assert_eq!(plan.lasers, [None, None, Some("5.88".to_owned()), None]);
    assert!(plan.led && plan.right && !plan.left);
}

#[test]
fn what_is_out_of_reach_names_the_hard_limit() {
    for (section, line) in [
        ("Start Position", "X (mm) = 0.5"),
        ("End Position", "Y (mm) = 25.001"),
        (
            "Stack Settings",
            "Change in Z axis (mm) = 6\nNumber of planes = 2",
        ),
        ("Start Position", "Angle (degrees) = 1e300"),
    ] {
        let plan = Plan::new(&text(&[(section, line)]), HERE, FIELD);
        let reason = plan.out_of_reach().unwrap_or_default();
        assert!(reason.contains("hard limit"), "{line}: {reason}");
    }
}

#[test]
fn absurd_numbers_make_no_absurd_plans() {
    let plan = Plan::new(
        &text(&[
            ("Start Position", "X (mm) = -1e300"),
            ("End Position", "X (mm) = 1e300\nY (mm) = 1e9"),
            (
                "Stack Settings",
                "Stack option = Tile\nNumber of planes = 1e30",
            ),
        ]),
        HERE,
        FIELD,
    );
    assert!(plan.stacks.len() <= MOST_STACKS);
    assert_eq!(f64::from(plan.planes), MOST_PLANES);
    assert!(plan.out_of_reach().is_some());
}
