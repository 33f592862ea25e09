// Compares what Google (the simulator's state) holds with what the blueprint says, employee by employee.

const list = (value) => (Array.isArray(value) ? value : []);

async function* lines(url, headers) {
  const response = await fetch(url, { headers });
  const text = await response.text();
  for (const line of text.split('\n')) if (line !== '') yield JSON.parse(line);
}

async function readAccounts(apiRoot) {
  const accounts = new Map();
  for (let start = 0; ; start += 5_000) {
    let count = 0;
    for await (const account of lines(`${apiRoot}/_simulator/users?start=${start}&count=5000`)) {
      count += 1;
      accounts.set(account.primaryEmail, account);
    }
    if (count < 5_000) return accounts;
  }
}

/** What is wrong with one account, in words without personal data. */
function faults(item, account) {
  const { desired } = item;
  if (account === undefined) return ['there is no account'];
  const found = [];
  const expect = (what, holds) => {
    if (!holds) found.push(what);
  };
  const ids = list(account.externalIds);
  expect(
    'mark',
    ids.some((id) => id.customType === 'bascule' && id.value === item.employeeId),
  );
  expect(
    'number',
    ids.some((id) => id.type === 'organization' && id.value === desired.employeeNumber),
  );
  expect('org unit', account.orgUnitPath === desired.orgUnitPath);
  expect('suspended', account.suspended === desired.suspended);
  expect(
    'name',
    account.name.familyName === desired.name.familyName && account.name.givenName === desired.name.givenName,
  );
  expect(
    'aliases',
    desired.aliases.every((alias) => list(account.aliases).includes(alias)),
  );
  expect(
    'groups',
    desired.groups.every((group) => account.groups.includes(group)),
  );
  expect('licence', account.licence === `${desired.licence.productId}/${desired.licence.skuId}`);
  expect('mailbox', account.isMailboxSetup === true);
  if (desired.managerEmail !== undefined) {
    expect(
      'manager',
      list(account.relations).some(({ value }) => value === desired.managerEmail),
    );
  }
  const { gmail, calendar } = desired;
  if (gmail.language) expect('language', account.gmail.language !== undefined);
  if (gmail.signature) expect('signature', (account.gmail.signature ?? '').length > 0);
  if (gmail.imap) expect('imap', account.gmail.imap === gmail.imap.value.enabled);
  if (gmail.pop) expect('pop', account.gmail.pop === gmail.pop.value.accessWindow);
  if (calendar.timeZone) expect('time zone', account.calendar.timeZone === calendar.timeZone.value);
  if (calendar.subscriptions) {
    expect('subscriptions', account.calendar.subscriptions.length === calendar.subscriptions.value.length);
  }
  if (calendar.sharing) {
    expect(
      'sharing',
      calendar.sharing.value.every(({ role, scope }) =>
        account.calendar.acl.some((rule) => rule.role === role && rule.scope.type === scope.type),
      ),
    );
  }
  return found;
}

const reasonOf = {
  invalidInsert: 'invalid_field',
  mailboxNever: 'mailbox_never_ready',
  calendarForbidden: 'forbidden_for_account',
};

async function failuresOf(lab, migrationId) {
  const report = await lab.call('GET', `/v1/migrations/${migrationId}/report?format=json`);
  return new Map(
    report
      .filter(({ state }) => state !== 'done' && state !== 'skipped')
      .map((row) => [row.employeeNumber, row.reason]),
  );
}

/** The number of employees who are not as they should be; each of the first few is told. */
export async function verify({ lab, migrationId, poison }) {
  const expected = new Map(
    Object.entries(poison).flatMap(([kind, numbers]) => numbers.map((number) => [number, reasonOf[kind]])),
  );
  const failed = await failuresOf(lab, migrationId);
  const accounts = await readAccounts(lab.apiRoot);
  const marks = new Set();
  let right = 0;
  let wrong = 0;
  const tell = (number, what) => {
    wrong += 1;
    if (wrong <= 10) console.log(`  ${number}: ${what}`);
  };
  for (const account of accounts.values()) {
    const mark = list(account.externalIds).find((id) => id.customType === 'bascule')?.value;
    if (mark === undefined) continue;
    if (marks.has(mark)) tell(account.primaryEmail, 'has two accounts');
    marks.add(mark);
  }
  for await (const item of lab.planned(migrationId)) {
    const reason = expected.get(item.employeeNumber);
    if (reason !== undefined || failed.has(item.employeeNumber)) {
      if (failed.get(item.employeeNumber) === reason) right += 1;
      else
        tell(
          item.employeeNumber,
          `reported as ${failed.get(item.employeeNumber) ?? 'done'}, should be ${reason ?? 'done'}`,
        );
      continue;
    }
    if (item.desired === null) continue;
    const found = faults(item, accounts.get(item.desired.primaryEmail));
    if (found.length === 0) right += 1;
    else tell(item.employeeNumber, `differs in ${found.join(', ')}`);
  }
  console.log(
    `${right.toLocaleString('en-US')} right, ${wrong} wrong${expected.size > 0 ? `, ${expected.size} of them known failures, reported as such` : ''}`,
  );
  return wrong;
}
