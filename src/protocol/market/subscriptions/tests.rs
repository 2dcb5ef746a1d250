#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use super::*;

const S: u64 = SECOND_NS;

fn todo(subscriptions: &mut Subscriptions) -> Vec<Todo> {
    std::iter::from_fn(|| subscriptions.next_todo()).collect()
}

/// Open, acknowledged and whole at 0.
fn whole(books: usize) -> Subscriptions {
    let mut subscriptions = Subscriptions::new(books);
    subscriptions.opened(0, |_| false);
    todo(&mut subscriptions);
    for index in 0..books {
        subscriptions.acknowledged(index, 0);
        subscriptions.whole(index, 0);
    }
    assert_eq!(subscriptions.due(), None, "nothing is owed");
    subscriptions
}

#[test]
fn a_subscription_without_acknowledgement_is_sent_once_more_before_the_connection_is_renewed() {
    let mut subscriptions = Subscriptions::new(1);
    subscriptions.opened(0, |_| false);
    assert_eq!(todo(&mut subscriptions), [Todo::Subscribe(0)]);
    assert_eq!(subscriptions.due(), Some(10 * S));
    subscriptions.time(10 * S - 1);
    assert_eq!(todo(&mut subscriptions), []);
    subscriptions.time(10 * S);
    assert_eq!(todo(&mut subscriptions), [Todo::Subscribe(0)]);
    subscriptions.time(20 * S);
    assert!(matches!(todo(&mut subscriptions)[..], [Todo::Reconnect(_)]));
    assert_eq!(subscriptions.due(), None, "nothing is asked of what ends");
}

#[test]
fn a_snapshot_that_never_comes_is_asked_for_five_times_at_growing_intervals() {
    let mut subscriptions = Subscriptions::new(1);
    subscriptions.opened(0, |_| false);
    assert_eq!(todo(&mut subscriptions), [Todo::Subscribe(0)]);
    let mut now = 0;
    for wait in [10, 20, 40, 80] {
        subscriptions.acknowledged(0, now);
        now += wait * S;
        assert_eq!(subscriptions.due(), Some(now));
        subscriptions.time(now);
        assert_eq!(todo(&mut subscriptions), [Todo::Unsubscribe(0)]);
        subscriptions.left(0, now);
        assert_eq!(todo(&mut subscriptions), [Todo::Subscribe(0)]);
    }
    subscriptions.acknowledged(0, now);
    subscriptions.time(now + 160 * S);
    assert_eq!(todo(&mut subscriptions), [Todo::GiveUp(0)]);
    assert_eq!(subscriptions.due(), None);
}

#[test]
fn further_faults_of_a_book_that_is_being_repaired_ask_for_nothing() {
    let mut subscriptions = whole(3);
    for ms in 0..100 {
        subscriptions.broke(1, 5 * S + ms);
    }
    assert_eq!(todo(&mut subscriptions), [Todo::Unsubscribe(1)]);
    subscriptions.left(1, 6 * S);
    subscriptions.left(1, 6 * S);
    assert_eq!(todo(&mut subscriptions), [Todo::Subscribe(1)]);
    subscriptions.broke(1, 6 * S);
    subscriptions.acknowledged(1, 6 * S);
    subscriptions.broke(1, 6 * S);
    assert_eq!(todo(&mut subscriptions), []);
}

#[test]
fn the_end_of_a_subscription_that_is_not_acknowledged_is_not_waited_for() {
    let mut subscriptions = whole(2);
    subscriptions.broke(0, S);
    assert_eq!(todo(&mut subscriptions), [Todo::Unsubscribe(0)]);
    subscriptions.time(6 * S);
    assert_eq!(todo(&mut subscriptions), [Todo::Subscribe(0)]);
}

#[test]
fn a_book_that_keeps_breaking_is_asked_for_ever_more_rarely_and_never_costs_the_connection() {
    let mut subscriptions = whole(3);
    let mut now = 100 * S;
    let mut pauses = Vec::new();
    for _ in 0..10 {
        let before = now;
        subscriptions.broke(0, now);
        if todo(&mut subscriptions).is_empty() {
            // The scripted clock goes to when it wants to be called.
            now = subscriptions.due().unwrap_or(0);
            subscriptions.time(now);
            assert_eq!(todo(&mut subscriptions), [Todo::Unsubscribe(0)]);
        }
        pauses.push((now - before) * 2 / S);
        subscriptions.left(0, now);
        assert_eq!(todo(&mut subscriptions), [Todo::Subscribe(0)]);
        subscriptions.acknowledged(0, now);
        subscriptions.whole(0, now);
    }
    // In half seconds.
    assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 32, 64, 120, 120]);
    subscriptions.broke(0, now + 60 * S);
    assert_eq!(
        todo(&mut subscriptions),
        [Todo::Unsubscribe(0)],
        "it held for a minute: the next fault is an ordinary one"
    );
}

#[test]
fn repairs_that_bring_no_snapshot_renew_the_connection() {
    let mut subscriptions = whole(3);
    subscriptions.broke(2, S);
    let (mut now, mut asked) = (S, Vec::new());
    let last = loop {
        match subscriptions.next_todo() {
            Some(Todo::Unsubscribe(2)) => subscriptions.left(2, now),
            Some(Todo::Subscribe(2)) => {
                asked.push(now);
                subscriptions.acknowledged(2, now);
            }
            Some(other) => break other,
            None => {
                now = subscriptions.due().unwrap_or(u64::MAX);
                subscriptions.time(now);
            }
        }
    };
    assert!(matches!(last, Todo::Reconnect(_)), "{last:?}");
    let rests: Vec<u64> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // Each is waited for ten seconds, which is longer than the pauses between attempts.
    assert_eq!(rests, [10 * S; 5]);
}

#[test]
fn more_than_half_of_the_books_breaking_within_a_second_renews_the_connection_once() {
    let mut subscriptions = whole(4);
    subscriptions.broke(0, 100 * S);
    subscriptions.broke(1, 100 * S + S / 2);
    assert_eq!(
        todo(&mut subscriptions),
        [Todo::Unsubscribe(0), Todo::Unsubscribe(1)],
        "half is not more than half"
    );
    subscriptions.broke(2, 101 * S);
    assert!(matches!(todo(&mut subscriptions)[..], [Todo::Reconnect(_)]));
    subscriptions.broke(3, 101 * S);
    subscriptions.left(0, 101 * S);
    subscriptions.time(200 * S);
    assert_eq!(todo(&mut subscriptions), []);
    subscriptions.opened(300 * S, |index| index == 3);
    assert_eq!(
        todo(&mut subscriptions),
        [Todo::Subscribe(0), Todo::Subscribe(1), Todo::Subscribe(2)],
        "a book that is skipped is not asked for"
    );
}

#[test]
fn one_fault_of_the_connection_is_no_storm() {
    let mut subscriptions = whole(2);
    subscriptions.all_broke(100 * S);
    subscriptions.all_broke(100 * S);
    assert_eq!(
        todo(&mut subscriptions),
        [Todo::Unsubscribe(0), Todo::Unsubscribe(1)]
    );
}

#[test]
fn the_only_book_of_a_connection_is_repaired_without_renewing_it() {
    let mut subscriptions = whole(1);
    subscriptions.broke(0, 100 * S);
    assert_eq!(todo(&mut subscriptions), [Todo::Unsubscribe(0)]);
}

#[test]
fn a_refusal_without_a_name_is_narrowed_down_to_one_book() {
    let mut subscriptions = Subscriptions::new(3);
    subscriptions.opened(0, |_| false);
    todo(&mut subscriptions);
    assert_eq!(subscriptions.refused_one(0), None);
    assert_eq!(todo(&mut subscriptions), [Todo::Subscribe(0)]);
    subscriptions.acknowledged(0, S);
    assert_eq!(todo(&mut subscriptions), [Todo::Subscribe(1)]);
    assert_eq!(subscriptions.refused_one(2 * S), Some(1));
    assert_eq!(todo(&mut subscriptions), [Todo::Subscribe(2)]);
    subscriptions.whole(2, 3 * S);
    assert_eq!(todo(&mut subscriptions), []);
    assert_eq!(subscriptions.refused_one(3 * S), None, "nothing waits");
    subscriptions.broke(1, 4 * S);
    assert_eq!(
        todo(&mut subscriptions),
        [],
        "a refused book is not asked for"
    );
}

#[test]
fn a_wrong_snapshot_is_asked_for_again_after_a_pause() {
    let mut subscriptions = whole(2);
    subscriptions.broke(0, 100 * S);
    subscriptions.left(0, 100 * S);
    todo(&mut subscriptions);
    subscriptions.acknowledged(0, 100 * S);
    subscriptions.failed(0, 100 * S + S / 10);
    assert_eq!(todo(&mut subscriptions), []);
    assert_eq!(subscriptions.due(), Some(100 * S + S / 2));
    subscriptions.time(100 * S + S / 2);
    assert_eq!(todo(&mut subscriptions), [Todo::Unsubscribe(0)]);
}
