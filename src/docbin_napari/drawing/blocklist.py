"""Block list of offensive words for generated text.

Strategy: syllables put together by chance give swear words, slurs and worse of some language now
and then. The list is kept in rot13, so that nobody has to read it here. Strong words are refused
wherever they stand in a word, short ones, which good words contain too, only as whole
words. English, German, French, Spanish, Italian, Latin.
"""

from __future__ import annotations

from codecs import decode

_PARTS = frozenset(
    decode(
        """
nany nahf nefpu nefr onfgneq ovgpu ovgr obbo obhtabhy oenay ohttre pnoea pnoeba pnpn pnpng
pnmmb punggr puvatn puvax pyvg pbpx pbtyvba pbwba pbaaneq pbaanf pbba pbhvy penc phyre
phyb phyhf phaa phag qvpx qvx qvyqb raphy sntt snttbg sntbg srypu sryyng svpn svpx svpxr
svtn sbgmr sbhge sebpvb shpx shx shgh trabpvq trfgnc tbbx tbhva uvgyre ubybp uber uher
veehz wvmm wbqr wbqre whqraf xnanx xvxr xxx xevccy znevp zraghy zreqn zreqr zrergev zvreqn
zvapuv zbatby anmv artre arte arter arteb avpuba avtre avtt avte avdh ahggr betnf crqr
crqvp craqrw cravf cvzzry cvff cbyyn cbep cbea cevpx chff chffl chgr chggna encr encvf
erpghz ergneq evppuvba fnybcr fpurvf fpurvff fpujnam fpujhy fpbeghz fpebg frzra fuvg fyhg
fzrtzn fbqbz fcnfgv fcvp fchax fgebam fhvpvq gncrgg gvgf gvgg gvggra gbffre genaal gebvn
gebggry gheq gjng inssna intva iretn ibgmr jnax jube jvpuf lbhcva mbeen
""",
        "rot13",
    ).split()
)
_WORDS = frozenset(
    decode(
        """
nav nab nabf nff nffrf pnm puvr puvre pba pbaf phy phyv phyf phz phzf qntb qntbf qnz qnza
qrnq qrcc qvr qvrf qhzo qlxr snt sntf sneg snegf sng shp tnl tnlf tlc tlcf unt untf uryy
ubr ubrf ubzb wnc wncf wrex wrj wrjf whqr whqra xnssve xvyy xvyyf yrjq yhfg zbeq zbfr avc
avcf ahqr cnxv cnxvf cq crr crar crav crg cbb chgn chgnf chgb chgbf fn fnh fnhra frva
frvaf frav frab frk frkrf fvzc fynir fynirf fcnfg fcnfgf ff greebe grgn grgnf grgr grggn
grggr gubg gubgf gvg gbq gbrgr gbagn gbagb ivby jbc jbcf
""",
        "rot13",
    ).split()
)


def is_readable(word: str) -> bool:
    """Return whether a word may stand on a page that others read; case and marks play no part.

    Examples
    --------
    >>> is_readable("Plougst,"), is_readable(decode("fuvgl", "rot13"))
    (True, False)
    """
    letters = "".join(letter for letter in word.lower() if letter.isalpha())
    return letters not in _WORDS and not any(part in letters for part in _PARTS)
