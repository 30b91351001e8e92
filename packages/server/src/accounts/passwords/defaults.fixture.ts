/** What devices, databases and images are shipped with, and what people choose. */
export const DEFAULTS = `
admin password root 123456 12345678 1234 12345 123456789 1234567890 default guest user support service operator
supervisor administrator system manager changeme changeit changethis letmein welcome welcome1 password1 passw0rd
p@ssw0rd P@ssw0rd Password1 Passw0rd! toor raspberry ubnt calvin cisco Cisco enable public private secret tech
xc3511 vizxv xmhdipc juantech 54321 888888 666666 klv123 klv1234 Zte521 hi3518 jvbzd anko zlxx. 7ujMko0vizxv
7ujMko0admin ikwb dreambox realtek 00000000 1111111 meinsm smcadmin 1111 fucker pass admin1234 admin123 root123
hunt5759 GM8182 oelinux123 1001chin tlJwpbo6 S2fGqNFs cat1029 hikvision dahua axis netgear1 linksys dlink tplink
zyxel motorola ubiquiti postgres mysql oracle tomcat s3cret vagrant docker rabbitmq influxdb elastic grafana
homeassistant openhabian mosquitto test test123 demo temp temp123 abc123 qwerty qwerty123 qwertyuiop asdfghjkl
zxcvbnm 1q2w3e4r 1qaz2wsx iloveyou monkey dragon sunshine princess football baseball master shadow superman batman
trustno1 000000 111111 121212 123123 123321 654321 987654321 11111111 88888888 matkhau xinchao
password1234 Password123! Password1234! P@ssw0rd1234 P@ssword12345 passwordpassword PasswordPassword1 password-password
Passw0rdPassw0rd qwertyuiop12 qwertyuiop123 qwertyuiop[] qwertyuiopasdf qwertyqwerty qwerty123456 qwerty12345678
123456789012 1234567890123 123456123456 123412341234 012345678901 987654321098 000000000000 111111111111 111111222222
123123123123 112233445566 121212121212 abcabcabcabc abcdefghijkl abcdefghijklmnop abcd1234abcd abc123abc123
abcdefg12345 aaaaaaaaaaaa aaaaaabbbbbb 1qaz2wsx3edc 1qaz2wsx3edc4rfv 1q2w3e4r5t6y zaq12wsxcde3 qazwsxedcrfv
!qaz2wsx3edc asdfghjkl123 asdfghjklasdf zxcvbnm12345 zxcvbnmzxcvbnm admin1234567 admin12345678 adminadmin12
adminadminadmin Admin@123456 Admin123456! administrator administrator1 Administrator123! root12345678 rootrootroot
toortoortoor raspberry123 raspberrypi1 changeme1234 ChangeMe123! changemechangeme letmein12345 letmeinletmein
Welcome12345 Welcome@2024! welcomewelcome Welcome2026!! iloveyou1234 iloveyouiloveyou monkeymonkey monkey123456
dragon123456 dragondragon football1234 footballfootball baseball2024 sunshine1234 princess1234 superman1234
superman!!!! batmanbatman masterpassword trustno11111 trustnoone12 shadow123456 Summer2024!!! Winter2026!!!
January2026! default12345 guest1234567 user12345678 service12345 support12345 operator1234 supervisor12
hikvision123 dahua1234567 ubntubntubnt netgear12345 postgres1234 postgrespostgres mysql1234567 oracle123456
tomcat123456 vagrantvagrant docker123456 grafana12345 homeassistant1 openhabian12 mosquitto123 muster123456 mustermuster
MusterMuster1! test12345678 testtesttest demo12345678 temp12345678 secret123456 secretsecret secretpassword
mypassword12 mypassword123 thisisapassword passphrase12 matkhau12345 matkhaumatkhau pa55word1234 Pa$$w0rd1234
passw0rd!@#$ pass12345678 !@#$%^&*()_+ ............ qwe123qwe123 asd123asd123 zxc123zxc123 a1b2c3d4e5f6
`
  .trim()
  .split(/\s+/);
