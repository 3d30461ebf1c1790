//! What `plan` shows, and what it refuses.

use snapbox::assert_data_eq;
use snapbox::str;

use super::lab;
use super::plan;
use super::support::session::Session;
use super::task;

const THREE: &str = "
[task.api]
regions = ['src/a.txt']
prompt = 'write it'
tier = 'large'
budget = { tokens = 200_000, money = 2.5, minutes = 30 }
retry = 1
[task.docs]
regions = ['src/b.txt', 'docs/**']
prompt = 'describe it'
needs = ['api']
land = false
[task.tests]
regions = ['src/c.txt']
prompt = 'test it'
land = 'squash'
";

#[test]
fn a_plan_shows_its_tasks_in_their_order_and_what_is_in_their_way() {
    let lab = lab();
    plan(&lab, "name = 'spring'\nparallel = 2\nbudget = { money = 10 }", THREE);
    lab.odyssey(&["claim", "other", "--region", "src/c.txt", "--for", "claude-1"]).ok();
    let mut session = Session::of(&lab);
    session.run(&["plan", "plan.toml"]).run(&["plan", "plan.toml", "--dot"]).run(&[
        "plan",
        "plan.toml",
        "--mermaid",
    ]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey plan plan.toml
spring: 3 tasks, at most 2 at once, for $10.00 in all
WAVE  TASK   TIER   AFTER  REGIONS            BUDGET                     MAY COST         TRIES  LANDS
1     api    large  -      src/a.txt          200000 tokens, $2.50, 30m  no earlier runs  2      yes
1     tests  small  -      src/c.txt          -                          no earlier runs  1      squash
2     docs   small  api    src/b.txt docs/**  -                          no earlier runs  1      no
no earlier runs tell what it may cost
held now src/c.txt by other (claude-1): tests would wait
--- exit 0

$ git odyssey plan plan.toml --dot
digraph "spring" {
  rankdir=LR;
  "api" [label="api/nlarge"];
  "docs" [label="docs/nsmall"];
  "api" -> "docs";
  "tests" [label="tests/nsmall"];
}
--- exit 0

$ git odyssey plan plan.toml --mermaid
flowchart LR
  t0["api<br/>large"]
  t1["docs<br/>small"]
  t0 --> t1
  t2["tests<br/>small"]
--- exit 0


"#]]
    );
}

#[test]
fn what_is_wrong_in_a_plan_is_told_with_its_place() {
    let lab = lab();
    let mut session = Session::of(&lab);
    plan(&lab, "", &task("a", "needs = ['bb']", "x"));
    session.run(&["plan", "plan.toml"]);
    plan(&lab, "", &(task("a", "", "x") + &task("b", "", "y").replace("src/b.txt", "src/**")));
    session.run(&["plan", "plan.toml"]);
    lab.write("plan.toml", "odyssey = 1\ninclude = ['plan-b.toml']\n");
    session.run(&["plan", "plan.toml"]);
    lab.write("plan-b.toml", "odyssey = 1\n[task.a]\nregions = ['x']\nprompt_file = 'gone.md'\ntier = 't'\n[tiers.t]\nagent = 'claude'\n");
    session.run(&["plan", "plan.toml"]).run(&["plan", "no.toml"]).run(&["run", "no.toml"]);
    assert_data_eq!(
        session.screen(),
        str![[r#"
$ git odyssey plan plan.toml
--- stderr
error: plan.toml:13:10: there is no task `bb`
hint: the tasks are `a`
--- exit 2

$ git odyssey plan plan.toml
--- stderr
error: plan.toml:18:12: `b` and `a` may run at the same time, and src/** meets src/a.txt
hint: let one wait for the other: needs = ["a"] in `b`
hint: or put all such tasks in the order of the file: overlap = "order" at the top
--- exit 2

$ git odyssey plan plan.toml
--- stderr
error: plan.toml:2:12: cannot read plan-b.toml: there is no [LAB]/main/plan-b.toml
--- exit 2

$ git odyssey plan plan.toml
--- stderr
error: plan-b.toml:4:15: cannot read gone.md: there is no [LAB]/main/gone.md
--- exit 2

$ git odyssey plan no.toml
--- stderr
error: there is no [LAB]/main/no.toml
--- exit 2

$ git odyssey run no.toml
--- stderr
error: there is no [LAB]/main/no.toml
--- exit 2


"#]]
    );
}

#[test]
fn a_matrix_over_files_is_one_task_a_file() {
    let lab = lab();
    let each = "[task.each]\nregions = ['{file}']\nprompt = 'tidy {file} in {lang}'\nmatrix = { file = 'src/*.txt' }\n";
    plan(&lab, "[vars]\nlang = 'de'", each);
    let answer = lab.odyssey(&["plan", "plan.toml", "--var", "lang=fr", "--json"]).ok().json();
    let tasks = answer["result"]["workflow"]["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 4);
    assert_eq!(tasks[1]["name"], "each-src-b-txt");
    assert_eq!(tasks[1]["prompt"], "tidy src/b.txt in fr");
}

#[test]
fn a_plan_says_what_its_tasks_may_cost_by_those_that_landed_before() {
    let lab = lab();
    let tasks = task("a", "class = 'docs'", "use 1000\nwrite src/a.txt a2")
        + &task("b", "class = 'docs'", "use 3000\nwrite src/b.txt b2")
        + &task("c", "", "write src/c.txt c2");
    plan(&lab, "name = 'first'", &tasks);
    lab.odyssey(&["run", "plan.toml"]).ok();
    let tasks = task("d", "class = 'docs'", "x")
        + &task("e", "class = 'tests'", "x").replace("src/e.txt", "src/a.txt")
        + &task("f", "", "x").replace("src/f.txt", "src/b.txt");
    plan(&lab, "", &tasks);
    assert_data_eq!(
        lab.screen(&lab.odyssey(&["plan", "plan.toml"])),
        str![[r#"
plan: 3 tasks, at most 4 at once
WAVE  TASK  TIER   AFTER  REGIONS    BUDGET  MAY COST                       TRIES  LANDS
1     d     small  -      src/d.txt  -       2000 tokens, $0.0020 (2 runs)  1      yes
1     e     small  -      src/a.txt  -       no earlier runs                1      yes
1     f     small  -      src/b.txt  -       no earlier runs                1      yes
may cost 2000 tokens, $0.0020 in all, by the median of earlier runs; no earlier runs of e, f
--- exit 0

"#]]
    );
    let answer = lab.odyssey(&["plan", "plan.toml", "--json"]).ok().json()["result"]["expected"].clone();
    assert_eq!(
        answer,
        serde_json::json!({
            "tasks": [
                { "task": "d", "runs": 2, "tokens": 2000, "priced": 2, "usd": 0.002 },
                { "task": "e", "runs": 0, "tokens": null, "priced": 0, "usd": null },
                { "task": "f", "runs": 0, "tokens": null, "priced": 0, "usd": null },
            ],
            "total": { "tokens": 2000, "usd": 0.002, "unknown": ["e", "f"], "unpriced": [] },
            "doubts": [],
        })
    );
}
