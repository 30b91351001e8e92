import { dictionary } from '@zxcvbn-ts/language-common';

/**
 * The passwords that attackers try first: 49,000 from breaches, most common first, as the MIT-licensed package
 * @zxcvbn-ts/language-common brings them; and what devices and services are shipped with. Lower case.
 */
const common: ReadonlySet<string> = new Set([
  ...dictionary['passwords-common'],
  // vendor defaults that are on no list of what people choose; the words with which they are made longer
  ...['admin', 'root', 'user', 'default', 'toor', 'raspberry', 'ubnt', 'cisco', 'calvin', 'changeme', 'changeit'],
  ...['changethis', 'muster', 'supervisor', 'administrator', 'service', 'guest', 'operator', 'system', 'public'],
  ...['private', 'secret', 'letmein', 'welcome', 'login', 'superuser', 'xc3511', 'vizxv', 'klv1234', 'juantech'],
  ...['meinsm', 'hunt5759', 'ikwb', 'dreambox', 'realtek', 'smcadmin', 'jvbzd', 'anko', 'zlxx', 'fucker', 'tech'],
  ...['hikvision', 'dahua', 'axis', 'netgear', 'linksys', 'dlink', 'tplink', 'zyxel', 'motorola', 'ubiquiti'],
  ...[
    'home',
    'assistant',
    'homeassistant',
    'openhab',
    'openhabian',
    '7ujmko0',
    '7ujmko0vizxv',
    '7ujmko0admin',
    'nodered',
    'mosquitto',
    'grafana',
    'postgres',
    'mysql',
  ],
  ...['oracle', 'tomcat', 'manager', 'vagrant', 'docker', 'rabbitmq', 'influxdb', 'elastic', 'temp', 'test', 'demo'],
  ...['passwd', 'passphrase', 'pass', 'pwd', 'mypassword', 'thisisapassword', 'iloveyou', 'matkhau', 'xinchao'],
]);

export const isWellKnown = (text: string): boolean => common.has(text);
